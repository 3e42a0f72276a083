import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { complaintsOf, openBrowser } from './browser.ts';
import { GuardedService } from './guarded-service.ts';
import { logOf } from './log-of.ts';
import { type Server, Service } from './processes.ts';
import { makeSlowVolume, SLOWEST } from './slow-volume.ts';

const LOOK_AGAIN_MS = 50;

/** A name that the browser takes to be this machine, as a page can have its own name be (DNS rebinding). */
const REBOUND = 'rebound.example';

/** What a queue's menu has for those who may act. */
const ACTS = ['Add job', 'Pause', 'Set concurrency', 'Set rate limit', 'Empty', 'Obliterate'];

const ACTIVE = '/queues/queue/exports?status=active';

/** What another site may have its visitors look at. */
const FOREIGN_PAGES: Record<string, ((target: string) => string) | undefined> = {
  form: (action) =>
    `<!doctype html><form method="post" action="${action}"><button name="a">Win!</button></form>`,
  frame: (src) => `<!doctype html><iframe src="${src}"></iframe>`,
};

describe('in a browser', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let volume: string;
  let browser: Browser & AsyncDisposable;

  before(async () => {
    temp = await tempFolder('browser');
    volume = join(temp.path, 'volume');
    makeSlowVolume(volume, { items: 24 });
    browser = await openBrowser([`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`]);
  });
  after(async () => {
    await browser[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  describe('a server without tokens', () => {
    let service: Service;
    let server: Server;
    let elsewhere: HttpServer;

    before(async () => {
      service = await Service.start({ volumes: { photos: volume } });
      server = await service.serve();
      elsewhere = createServer((req, res) => {
        const { pathname, search } = new URL(req.url ?? '', 'http://elsewhere');
        const page = FOREIGN_PAGES[pathname.slice(1)] ?? (() => '<!doctype html><title>Elsewhere</title>');
        res.setHeader('content-type', 'text/html');
        res.end(page(decodeURIComponent(search.slice(1))));
      });
      elsewhere.listen(0, '127.0.0.1');
      await once(elsewhere, 'listening');
    });
    after(async () => {
      elsewhere.close();
      elsewhere.closeAllConnections();
      await service.stop();
      await service[Symbol.asyncDispose]();
    });

    const foreign = (kind = '', target = '') =>
      `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/${kind}?${encodeURIComponent(server.api.url + target)}`;

    async function isPaused(): Promise<boolean> {
      const answer = await fetch(`${server.api.url}/queues/api/queues`);
      const { queues } = (await answer.json()) as { queues: { name: string; isPaused: boolean }[] };
      return queues.some((queue) => queue.isPaused);
    }

    it('shows its queues with a running export, and its document, and the browser finds no fault', async () => {
      const request = { volume: 'photos', destination: 'bucket', level: SLOWEST };
      const id = await server.api.create({ ...request, name: 'photos-2026' });
      await using page = await pageOf(browser);
      const complaints = complaintsOf(page);
      await page.goto(`${server.api.url}/queues`);
      await page.getByRole('link', { name: 'reconcile' }).first().waitFor();
      await page.goto(server.api.url + ACTIVE);
      await service.work();
      await page.getByRole('link', { name: id }).first().waitFor();
      await page.goto(`${server.api.url}/v1/openapi.json`);
      const described = JSON.parse((await page.locator('pre').textContent()) ?? '');
      assert.equal(described.openapi, '3.1.0');
      assert.deepEqual(complaints, []);
      await server.api.untilPhase(id, 'Completed');
    });

    it("does nothing that another site's page asks for, and shows it nothing", async () => {
      const lines = logOf(server.process);
      const refused = () => lines.filter(({ res }) => res?.status === 403).length;
      const before = await server.api.list();
      await using page = await pageOf(browser);
      await page.goto(foreign());
      const { sent, read } = await page.evaluate(foreignScript, server.api.url);
      assert.deepEqual([...new Set(sent)], ['failed']);
      assert.deepEqual(read, []);
      for (const path of [
        '/v1/exports',
        `/v1/exports/${before[0].id}/cancel`,
        '/queues/api/queues/exports/add',
      ]) {
        await page.goto(foreign('form', path));
        const answered = page.waitForResponse((response) => response.url() === server.api.url + path);
        await page.getByRole('button').click();
        assert.equal((await answered).status(), 403, path);
      }
      // What a browser sends without asking first has reached the server: two of the script's, and the forms.
      while (refused() < 5) await delay(LOOK_AGAIN_MS);
      assert.deepEqual(await server.api.list(), before);
      assert.equal(await isPaused(), false);
    });

    it("isn't put into another site's page", async () => {
      await using page = await pageOf(browser);
      const complaints = complaintsOf(page);
      await page.goto(foreign('frame', '/queues'));
      while (!complaints.some((each) => /frame-ancestors|X-Frame-Options|ERR_BLOCKED_BY_RESPONSE/.test(each)))
        await delay(LOOK_AGAIN_MS);
    });

    it('answers to no other name than its own, also where that name leads to it', async () => {
      await using page = await pageOf(browser);
      for (const path of ['/queues', '/v1/exports', '/v1/openapi.json', '/readyz']) {
        const answer = await page.goto(`http://${REBOUND}:${server.port}${path}`);
        assert.ok(answer);
        assert.deepEqual([answer.status(), (await answer.json()).code], [403, 'FOREIGN_HOST'], path);
      }
      const statuses = await page.evaluate(async () => {
        const pause = await fetch('/queues/api/queues/exports/pause', { method: 'PUT' });
        const create = await fetch('/v1/exports', { method: 'POST', body: '{}' });
        return [pause.status, create.status];
      });
      assert.deepEqual(statuses, [403, 403]);
    });
  });

  describe('a server with tokens', () => {
    let service: GuardedService;
    let tokens: { viewer: string; operator: string };

    before(async () => {
      service = await GuardedService.start(volume);
      tokens = {
        viewer: await service.token('vera', 'viewer'),
        operator: await service.token('otto', 'operator'),
      };
      service.program('serve');
      while (!(await isReady())) await delay(LOOK_AGAIN_MS);
    });
    after(() => service[Symbol.asyncDispose]());

    const isReady = () =>
      fetch(`${service.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );

    /** A page whose visitor gives this token as a password, and its requests to act, by method. */
    async function visit(password: string, path: string): Promise<Page & AsyncDisposable> {
      const page = await pageOf(browser, { httpCredentials: { username: 'someone', password } });
      await page.goto(service.url + path);
      await page.getByRole('link', { name: 'reconcile' }).first().waitFor();
      return page;
    }

    const menus = (page: Page) => page.locator('button[aria-haspopup=menu]');

    it('shows a viewer the queues without a button, and refuses what the page could still ask for', async () => {
      await using page = await visit(tokens.viewer, ACTIVE);
      const complaints = complaintsOf(page);
      await page.reload();
      await page.getByRole('link', { name: 'Active' }).waitFor();
      assert.equal(await menus(page).count(), 0);
      assert.deepEqual(complaints, []);
      const refused = await page.evaluate(async () => {
        const call = async (method: string, path: string) =>
          (await fetch(`/queues/api/queues/exports${path}`, { method })).status;
        return [await call('PUT', '/pause'), await call('PUT', '/empty'), await call('POST', '/add')];
      });
      assert.deepEqual(refused, [403, 403, 403]);
    });

    it('lets an operator pause and resume a queue', async () => {
      await using page = await visit(tokens.operator, ACTIVE);
      const complaints = complaintsOf(page);
      await menus(page).click();
      await page.getByRole('menuitem').first().waitFor();
      assert.deepEqual(await page.getByRole('menuitem').allInnerTexts(), ACTS);
      for (const act of ['Pause', 'Resume']) {
        const answered = page.waitForResponse((response) => response.request().method() === 'PUT');
        if (act === 'Resume') await menus(page).click();
        await page.getByRole('menuitem', { name: act }).click();
        await page.getByRole('button', { name: 'Confirm' }).click();
        assert.equal((await answered).status(), 200);
        const isPaused = (await service.redis.hexists('bull:exports:meta', 'paused')) === 1;
        assert.equal(isPaused, act === 'Pause');
      }
      assert.deepEqual(complaints, []);
    });

    it('shows nobody anything who has no token', async () => {
      await using page = await pageOf(browser);
      await assert.rejects(page.goto(`${service.url}/queues`), /ERR_INVALID_AUTH_CREDENTIALS/);
    });
  });
});

/** A page of its own window, which goes with it. */
async function pageOf(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}

/** Runs in another site's page: whatever a script there can try. */
async function foreignScript(url: string): Promise<{ sent: string[]; read: string[] }> {
  const pause = `${url}/queues/api/queues/exports/pause`;
  const body = '{"volume":"photos","destination":"bucket"}';
  const tries: [string, RequestInit][] = [
    [`${url}/v1/exports`, { method: 'POST', body, mode: 'no-cors' }],
    [`${url}/v1/exports`, { method: 'POST', body, headers: { 'content-type': 'application/json' } }],
    [`${url}/v1/exports`, { method: 'POST', body, credentials: 'include', mode: 'no-cors' }],
    [pause, { method: 'PUT' }],
    [pause, { method: 'PUT', credentials: 'include' }],
    [`${url}/v1/exports/x01234567`, { method: 'DELETE' }],
  ];
  const sent: string[] = [];
  for (const [address, init] of tries)
    sent.push(
      await fetch(address, init).then(
        ({ type }) => type,
        () => 'failed',
      ),
    );
  const read: string[] = [];
  for (const path of ['/v1/exports', '/queues/api/queues', '/v1/openapi.json', '/metrics'])
    await fetch(url + path).then(
      async (answer) => read.push(await answer.text()),
      () => undefined,
    );
  return { sent, read };
}
