import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { tempFolder } from '../../../../test/harness/temp.ts';
import { createApi } from '../../src/api/api.ts';
import { listen, newToken, TokenFile } from '../../src/api/index.ts';
import { ProducerError, type ProducerErrorCode } from '../../src/index.ts';
import { Served } from './served.ts';

const logger = pino({ level: 'silent' });

interface Endpoint {
  method: string;
  path: string;
  access: string;
}

interface Document {
  paths: Record<string, Record<string, { 'x-longshore-access': string }>>;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`any:${password}`).toString('base64')}`,
});
const addressed = (path: string) => path.replace(/[{:](id|name)\}?/, 'x0123456789');

/** As the document tells it. */
function documented({ paths }: Document): Endpoint[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ method, path, access: each['x-longshore-access'] })),
  );
}

interface Layer {
  route?: { path: string; stack: { method?: string }[] };
  handle: { stack?: Layer[] };
}

/** As express serves it, told from its own stack. */
function servedBy(stack: readonly Layer[]): { method: string; path: string }[] {
  return stack.flatMap(({ route, handle }) => {
    if (!route) return servedBy(handle.stack ?? []);
    const methods = new Set(route.stack.flatMap(({ method }) => method ?? []));
    return [...methods].map((method) => ({ method, path: route.path }));
  });
}

/** With whatever headers, Host included, which fetch won't send. */
async function statusOf(
  url: URL,
  { method = 'GET', headers = {} }: { method?: string; headers?: object } = {},
) {
  const sent = request(url, { method, headers: { ...headers } });
  sent.end();
  const [answer] = await once(sent, 'response');
  answer.resume();
  return answer.statusCode as number;
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { code: string }).code;
}

const isCode = (code: ProducerErrorCode) => (error: unknown) =>
  error instanceof ProducerError && error.code === code;

describe('the API with tokens', () => {
  let served: Served;

  before(async () => {
    served = await Served.start({ tokens: 'yes', limits: { failuresPerMinute: 10_000 } });
  });
  after(() => served[Symbol.asyncDispose]());

  const document = async () =>
    (await served.get('/v1/openapi.json', bearer(served.tokens.viewer))).json() as Promise<Document>;

  it('describes exactly what it serves', async () => {
    const api = createApi({ producer: served.producer, logger });
    const stack = api.app.router.stack as Layer[];
    await api.close();
    const name = ({ method, path }: { method: string; path: string }) =>
      `${method} ${path.replace(/\{(\w+)\}/, ':$1')}`;
    const inRouter = servedBy(stack).map(name);
    assert.deepEqual(
      inRouter.sort(),
      documented(await document())
        .map(name)
        .sort(),
    );
    assert.ok(inRouter.length >= 18, String(inRouter));
  });

  it('takes no request without a token, but for health and readiness', async () => {
    const endpoints = documented(await document());
    const open = endpoints.filter(({ access }) => access === 'anyone').map(({ path }) => path);
    assert.deepEqual(open.sort(), ['/healthz', '/readyz']);
    for (const { method, path, access } of endpoints) {
      if (access === 'anyone') continue;
      for (const headers of [{}, bearer('longshore_wrong'), bearer(''), { authorization: 'nonsense' }]) {
        const answer = await served.request(addressed(path), { method: method.toUpperCase(), headers });
        assert.equal(answer.status, 401, `${method} ${path}`);
        assert.match(answer.headers.get('www-authenticate') ?? '', /Bearer realm="longshore"/);
        if (method !== 'head') assert.equal(await codeOf(answer), 'UNAUTHENTICATED');
      }
    }
  });

  it('lets a viewer look, and do nothing', async () => {
    for (const { method, path, access } of documented(await document())) {
      const headers = bearer(served.tokens.viewer);
      // fetch() writes only the methods of old in capitals by itself.
      const answer = await served.request(addressed(path), { method: method.toUpperCase(), headers });
      if (access === 'operator') assert.equal(await codeOf(answer), 'FORBIDDEN', `${method} ${path}`);
      // A selection wants a body.
      else assert.ok([200, 404, 415].includes(answer.status), `${method} ${path}: ${answer.status}`);
      if (!answer.bodyUsed) await answer.body?.cancel();
    }
  });

  it('gives nothing away of what there is: unknown paths take a token too', async () => {
    assert.equal((await served.get('/v1/nothing')).status, 401);
    assert.equal((await served.get('/')).status, 401);
    assert.equal((await served.get('/v1/nothing', bearer(served.tokens.viewer))).status, 404);
  });

  it('has no icon, which browsers ask for without a token', async () => {
    const icon = await served.get('/favicon.ico');
    assert.deepEqual([icon.status, icon.headers.get('cache-control')], [204, 'public, max-age=86400']);
    assert.equal((await served.post('/favicon.ico')).status, 401);
  });

  it('takes a token as password in a browser, for pages only', async () => {
    assert.equal((await served.get('/queues', basic(served.tokens.viewer))).status, 200);
    assert.equal((await served.get('/v1/openapi.json', basic(served.tokens.viewer))).status, 200);
    assert.equal((await served.get('/v1/exports', basic(served.tokens.viewer))).status, 401);
    assert.equal((await served.get('/queues', basic('wrong'))).status, 401);
    assert.match(
      (await served.get('/queues')).headers.get('www-authenticate') ?? '',
      /^Basic realm="longshore"/,
    );
    assert.doesNotMatch((await served.get('/v1/exports')).headers.get('www-authenticate') ?? '', /Basic/);
  });

  it('takes no token from a URL', async () => {
    assert.equal((await served.get(`/v1/exports?token=${served.tokens.operator}`)).status, 401);
    assert.equal((await served.get(`/v1/exports?access_token=${served.tokens.operator}`)).status, 401);
  });

  describe('at /queues', () => {
    const put = (token: string) =>
      served.request('/queues/api/queues/exports/pause', { method: 'PUT', headers: bearer(token) });

    it('refuses everyone without a token, files too', async () => {
      for (const path of [
        '/queues',
        '/queues/api/queues',
        '/queues/static/favicon.ico',
        '/queues/queue/exports',
      ])
        assert.equal((await served.get(path)).status, 401, path);
      assert.equal((await served.request('/queues/api/queues/exports/pause', { method: 'PUT' })).status, 401);
    });

    it('shows viewers a page without buttons, and takes nothing of them', async () => {
      const answer = await served.get('/queues/api/queues', bearer(served.tokens.viewer));
      const { queues } = (await answer.json()) as { queues: { name: string; readOnlyMode: boolean }[] };
      assert.deepEqual(
        queues.map(({ name, readOnlyMode }) => [name, readOnlyMode]),
        [
          ['exports', true],
          ['reconcile', true],
        ],
      );
      assert.equal((await put(served.tokens.viewer)).status, 403);
      assert.equal(await served.producer.queue.isPaused(), false);
    });

    it('lets operators act', async () => {
      assert.equal((await put(served.tokens.operator)).status, 200);
      assert.equal(await served.producer.queue.isPaused(), true);
      await served.producer.queue.resume();
    });

    it('says nothing of the insides when something fails', async () => {
      const answer = await served.request('/queues/api/queues/exports/add', {
        method: 'POST',
        headers: { ...bearer(served.tokens.operator), 'content-type': 'application/json' },
        body: '{"broken',
      });
      assert.equal(answer.status, 400);
      assert.doesNotMatch(await answer.text(), /node_modules|position|at JSON/);
    });

    it("isn't used by another site's page", async () => {
      const headers = { ...basic(served.tokens.operator), origin: 'https://evil.example' };
      const answer = await served.request('/queues/api/queues/exports/pause', { method: 'PUT', headers });
      assert.equal(await codeOf(answer), 'FOREIGN_ORIGIN');
      assert.equal(await served.producer.queue.isPaused(), false);
    });
  });

  it('counts those who have no token, and never keeps out one who has', async () => {
    await using strict = await Served.start({ tokens: 'yes', limits: { failuresPerMinute: 3 } });
    const statuses = [];
    for (let tries = 0; tries < 5; tries++) statuses.push((await strict.get('/v1/exports')).status);
    assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
    assert.equal((await strict.get('/v1/exports', bearer(strict.tokens.viewer))).status, 200);
    assert.equal((await strict.get('/healthz')).status, 200);
  });

  it('limits each caller by itself, and says so in headers', async () => {
    await using strict = await Served.start({ tokens: 'yes', limits: { requestsPerMinute: 2 } });
    const ask = (token: string) => strict.get('/v1/exports', bearer(token));
    assert.match((await ask(strict.tokens.viewer)).headers.get('ratelimit') ?? '', /r=1/);
    await ask(strict.tokens.viewer);
    const refused = await ask(strict.tokens.viewer);
    assert.deepEqual([refused.status, await codeOf(refused)], [429, 'TOO_MANY_REQUESTS']);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.equal((await ask(strict.tokens.operator)).status, 200);
  });

  it('opens metrics to everyone where that was asked for, and nothing else', async () => {
    await using open = await Served.start({ tokens: 'yes', metricsAccess: 'open' });
    assert.equal((await open.get('/metrics')).status, 200);
    assert.equal((await open.get('/v1/exports')).status, 401);
    assert.equal((await served.get('/metrics')).status, 401);
    assert.equal((await served.get('/metrics', bearer(served.tokens.viewer))).status, 200);
  });
});

describe('the API without tokens', () => {
  let served: Served;

  before(async () => {
    served = await Served.start();
  });
  after(() => served[Symbol.asyncDispose]());

  const status = (path: string, options: { method?: string; headers?: object } = {}) =>
    statusOf(new URL(path, served.url), options);
  const PLACES = ['/v1/exports', '/queues', '/queues/api/queues', '/healthz', '/metrics', '/nothing'];

  it('answers to no name but its own: pages that were made to resolve to it get nothing', async () => {
    const { port } = served.listening;
    const foreign = [
      'evil.example',
      `evil.example:${port}`,
      'localhost',
      'localhost:1',
      `127.0.0.1.evil.example:${port}`,
      `[::2]:${port}`,
    ];
    for (const path of PLACES)
      for (const host of foreign)
        assert.equal(await status(path, { headers: { host } }), 403, `${path} of ${host}`);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`])
      assert.equal(await status('/v1/exports', { headers: { host } }), 200, host);
  });

  it("takes nothing that another site's page has a browser send", async () => {
    const foreign: object[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://localhost:${served.listening.port}.evil.example` },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: served.url },
    ];
    for (const headers of foreign) {
      const shown = JSON.stringify(headers);
      assert.equal(await status('/v1/exports', { method: 'POST', headers }), 403, shown);
      assert.equal(await status('/v1/exports/x01234567', { method: 'DELETE', headers }), 403, shown);
      assert.equal(await status('/queues/api/queues/exports/pause', { method: 'PUT', headers }), 403, shown);
    }
    assert.equal(await served.producer.queue.isPaused(), false);
  });

  it('takes what its own pages and what programs send', async () => {
    for (const headers of [
      {},
      { origin: served.url },
      { 'sec-fetch-site': 'same-origin', origin: served.url },
      { 'sec-fetch-site': 'none' },
    ])
      assert.equal(await status('/v1/exports/x01234567/cancel', { method: 'POST', headers }), 404);
  });

  it('may have a public name, which is its own too', async () => {
    await using named = await Served.start({ tokens: 'yes', publicUrl: 'https://exports.example' });
    const headers = { ...bearer(named.tokens.operator), origin: 'https://exports.example' };
    assert.equal(
      (await named.request('/v1/exports/x01234567/cancel', { method: 'POST', headers })).status,
      404,
    );
  });

  it('listens to nobody but this machine', async () => {
    for (const host of ['0.0.0.0', '::', '', '192.0.2.1', 'example.com'])
      await assert.rejects(
        listen({ host, port: 0 }, { producer: served.producer, logger }),
        isCode('AUTH_REQUIRED'),
        host,
      );
    for (const host of ['localhost', '127.0.0.2', '::1'])
      await (await listen({ host, port: 0 }, { producer: served.producer, logger })).close();
  });

  it("can't listen where somebody else does", async () => {
    const { port } = served.listening;
    await assert.rejects(
      listen({ host: '127.0.0.1', port }, { producer: served.producer, logger }),
      isCode('CANNOT_LISTEN'),
    );
  });
});

describe('a token file', () => {
  const ADA = { name: 'ada', role: 'operator' } as const;

  it('is read again when it has changed, and by reload at once', async () => {
    await using temp = await tempFolder('tokens');
    const path = join(temp.path, 'tokens');
    const [ada, bob] = [newToken(ADA), newToken({ name: 'bob', role: 'viewer' })];
    await writeFile(path, `${ada.line}\n`);
    const tokens = await TokenFile.open(path, { logger });
    assert.deepEqual(await tokens.callerOf(ada.token), ADA);
    assert.equal(await tokens.callerOf(bob.token), undefined);
    await appendFile(path, bob.line);
    await tokens.reload();
    assert.deepEqual(await tokens.callerOf(bob.token), { name: 'bob', role: 'viewer' });
    await writeFile(path, bob.line);
    await tokens.reload();
    assert.equal(await tokens.callerOf(ada.token), undefined);
  });

  it('that becomes wrong or goes away leaves what was good', async () => {
    await using temp = await tempFolder('tokens');
    const path = join(temp.path, 'tokens');
    const ada = newToken(ADA);
    await writeFile(path, ada.line);
    const log: string[] = [];
    const tokens = await TokenFile.open(path, { logger: pino({}, { write: (line) => log.push(line) }) });
    await writeFile(path, 'longshore_pasted-in-plain');
    await tokens.reload();
    await tokens.reload();
    assert.deepEqual(await tokens.callerOf(ada.token), ADA);
    assert.equal(log.length, 1);
    assert.doesNotMatch(log.join(), /pasted/);
    await rm(path);
    await tokens.reload();
    assert.deepEqual(await tokens.callerOf(ada.token), ADA);
  });

  it('that is wrong is refused, with every line that is, and without what is in it', async () => {
    await using temp = await tempFolder('tokens');
    const path = join(temp.path, 'tokens');
    const { line } = newToken(ADA);
    await writeFile(
      path,
      [line, 'longshore_secret', '{"name":"x","role":"root","sha256":"secret"}', line].join('\n'),
    );
    await assert.rejects(TokenFile.open(path, { logger }), (error: unknown) => {
      assert.ok(isCode('BAD_TOKEN_FILE')(error) && error instanceof Error);
      for (const said of ['line 2', 'line 3, role', 'line 3, sha256', 'ada'])
        assert.ok(error.message.includes(said), said);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    await assert.rejects(TokenFile.open(join(temp.path, 'absent'), { logger }), isCode('BAD_TOKEN_FILE'));
  });

  it('holds no token, and every token is another', () => {
    const [one, two] = [newToken(ADA), newToken(ADA)];
    assert.notEqual(one.token, two.token);
    assert.ok(!one.line.includes(one.token));
    assert.match(one.token, /^longshore_[\w-]{43}$/);
  });
});
