import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExportStatus } from '@longshore/shared';
import type { Redis } from 'ioredis';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { GuardedService } from './guarded-service.ts';

const LOOK_AGAIN_MS = 50;

const TLS_KEY = fileURLToPath(new URL('../../packages/cli/test/tls/server.key', import.meta.url));

describe('secrets that are planted wherever a service has them', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: GuardedService;
  let operator: string;
  let viewer: string;
  /** What was found where somebody without the secret might look. */
  const seen: [where: string, text: string][] = [];
  /** Parts of links that were signed: good for an hour. */
  const signatures: string[] = [];

  before(async () => {
    temp = await tempFolder('secrets');
    makeRandomTree(join(temp.path, 'volume'), { seed: 5, bytes: 100e6, files: 60 });
    service = await GuardedService.start(join(temp.path, 'volume'));
    operator = await service.token('otto', 'operator');
    viewer = await service.token('vera', 'viewer');
    const programs = [service.program('serve'), service.program('work', '--name', 'worker-1')];
    while (!(await statusOf('/readyz')) || !printed('"ready"')) {
      assert.ok(
        programs.every(({ child }) => child.exitCode === null),
        service.printed.join(''),
      );
      await delay(LOOK_AGAIN_MS);
    }
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  const printed = (text: string) => service.printed.some((each) => each.includes(text));

  /** The status; undefined where nobody answers, and for 503. */
  async function statusOf(path: string): Promise<number | undefined> {
    const answer = await fetch(service.url + path).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 503 ? undefined : answer?.status;
  }

  /** Asks, and keeps the answer among what was seen. */
  async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const authorization = `Bearer ${operator}`;
    const answer = await fetch(service.url + path, {
      ...init,
      headers: { authorization, ...init.headers },
      redirect: 'manual',
    });
    const text = await answer.text();
    seen.push([`${init.method ?? 'GET'} ${path}: ${answer.status}`, text]);
    return { status: answer.status, text };
  }

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

  const client = (args: string[], env: Record<string, string> = {}) =>
    service.run([...args, '--server', service.url], env).finished;

  async function ended(id: string): Promise<ExportStatus> {
    for (;;) {
      const status: ExportStatus = JSON.parse((await ask(`/v1/exports/${id}`)).text);
      if (['Completed', 'Failed', 'Cancelled'].includes(status.phase)) return status;
      await delay(LOOK_AGAIN_MS);
    }
  }

  it('a session: exports, links, pages, as an operator and as a viewer', async () => {
    const made = await client(['create', 'photos', 'good', '--name', 'kept', '--json', '--watch'], {
      LONGSHORE_TOKEN: operator,
    });
    assert.equal(made.exitCode, 0, made.stderr);
    const [{ id }]: ExportStatus[] = JSON.parse((await ask('/v1/exports')).text).exports;
    for (const args of [['list'], ['status', id], ['watch', id]])
      assert.equal((await client(args, { LONGSHORE_TOKEN: viewer })).exitCode, 0);
    assert.equal((await client(['cancel', id], { LONGSHORE_TOKEN: viewer })).exitCode, 2);
    for (const path of [
      '/metrics',
      '/v1/openapi.json',
      '/v1/destinations',
      '/v1/volumes',
      '/queues',
      '/nothing',
    ])
      await ask(path);
    const events = await ask(`/v1/exports/${id}/events`);
    assert.match(events.text, /event: ended/);
    await followLinks(id);
  });

  /** Links are for those who asked for them, and nobody else: the answers aren't kept. */
  async function followLinks(id: string): Promise<void> {
    const headers = { authorization: `Bearer ${viewer}` };
    const links = await fetch(`${service.url}/v1/exports/${id}/links`, { headers });
    const redirect = await fetch(`${service.url}/v1/exports/${id}/archive`, { headers, redirect: 'manual' });
    const printedLink = await fetch(`${service.url}/v1/exports/${id}/archive`, {
      headers,
      method: 'HEAD',
      redirect: 'manual',
    });
    for (const link of [
      ((await links.json()) as { archive: string }).archive,
      redirect.headers.get('location') ?? '',
      printedLink.headers.get('location') ?? '',
    ])
      signatures.push(new URL(link).searchParams.get('X-Amz-Signature') ?? '');
    const archive = await fetch(redirect.headers.get('location') ?? '');
    assert.equal(archive.status, 200);
    await archive.body?.cancel();
  }

  it('a session in which everything is wrong', async () => {
    const { secrets } = service;
    const all = [...Object.values(secrets), operator, viewer];
    for (const destination of ['no-bucket', 'wrong-secret', 'wrong-key']) {
      const { status, text } = await post('/v1/exports', JSON.stringify({ volume: 'photos', destination }));
      if (status === 201) assert.equal((await ended(JSON.parse(text).id)).phase, 'Failed');
      else assert.ok(status >= 400, text);
    }
    for (const each of all) {
      const request = { volume: 'photos', destination: 'good', name: 'kept' };
      assert.equal((await post('/v1/exports', JSON.stringify({ ...request, password: each }))).status, 400);
      assert.equal(
        (await post('/v1/exports', JSON.stringify({ ...request, exclude: { key: each } }))).status,
        400,
      );
      assert.equal((await post('/v1/exports', `{"volume": "photos", "token": "${each}`)).status, 400);
      assert.equal((await post('/v1/exports', each)).status, 400);
      assert.equal((await ask(`/v1/exports?token=${each}&cursor=${each}`)).status, 400);
      await post('/v1/exports', JSON.stringify(request), { 'idempotency-key': each });
    }
    for (const header of [`Bearer ${secrets.wrongPassword}`, `Basic ${btoa(`x:${secrets.wrongPassword}`)}`]) {
      assert.equal((await ask('/v1/exports', { headers: { authorization: header } })).status, 401);
      assert.equal((await ask('/queues', { headers: { authorization: header } })).status, 401);
    }
    assert.equal((await client(['list'], { LONGSHORE_TOKEN: secrets.wrongPassword })).exitCode, 2);
  });

  it('programs that are configured wrongly', async () => {
    const { wrongPassword, wrongSecret, secretAccessKey } = service.secrets;
    const refused: [object, Record<string, string>?][] = [
      [{ redis: service.redisSettings(service.at('wrongPassword')) }],
      [{ redis: { ...service.redisSettings(), url: service.redisUrl(`longshore:${wrongPassword}@`) } }],
      [{}, { LONGSHORE_REDIS_URL: `redis://longshore:${wrongPassword}@[` }],
      [{ redis: 'redis://x', destinations: { a: `s3://${wrongSecret}:${secretAccessKey}@bucket` } }],
      [
        {
          redis: 'redis://x',
          destinations: { a: { uri: 's3://bucket', endpoint: `http://${wrongSecret}:x@host` } },
        },
      ],
      [{ redis: 'redis://x', colour: secretAccessKey, logLevel: wrongSecret }],
      [{ redis: 'redis://x', auth: { tokensFile: service.at('wrongSecret') } }],
    ];
    const refuse = async ([config, env]: (typeof refused)[number]) => {
      const { exitCode, stderr } = await service.refused(config, env);
      assert.equal(exitCode, 2, `${JSON.stringify(config)}: ${stderr}`);
    };
    await Promise.all(refused.map(refuse));
  });

  it('a Redis that doesn’t know the password any more, and then does again', async () => {
    const { redis, secrets } = service;
    const before = service.printed.length;
    await redis.call('ACL', 'SETUSER', 'longshore', 'resetpass', `>${secrets.wrongPassword}`);
    await redis.call('CLIENT', 'KILL', 'USER', 'longshore');
    while (await statusOf('/readyz')) await delay(LOOK_AGAIN_MS);
    while (!service.printed.slice(before).join('').includes('WRONGPASS')) await delay(LOOK_AGAIN_MS);
    await redis.call('ACL', 'SETUSER', 'longshore', 'resetpass', `>${secrets.redisPassword}`);
    while (!(await statusOf('/readyz'))) await delay(LOOK_AGAIN_MS);
  });

  it('are nowhere to be seen', async () => {
    for (const path of [
      '/queues/api/queues?activeQueue=exports&status=failed',
      '/queues/api/queues',
      '/metrics',
    ])
      assert.equal((await ask(path)).status, 200);
    seen.push(['printed', service.printed.join('')], ...(await valuesOf(service.redis)), ...commandLines());
    for (const [name, content] of await service.written()) seen.push([name, content.toString('latin1')]);
    const tlsKey = (await readFile(TLS_KEY, 'utf8')).split('\n').filter((line) => line.length > 40);
    const secrets = [...Object.values(service.secrets), operator, viewer, ...tlsKey, ...signatures];
    assert.equal(signatures.filter((each) => each.length > 40).length, 3);
    assert.ok(seen.length > 100 && tlsKey.length > 1);
    for (const secret of secrets)
      for (const form of [secret, btoa(secret), btoa(`x:${secret}`), encodeURIComponent(secret)])
        for (const [where, text] of seen)
          assert.ok(!text.includes(form), `${form} in ${where}: ${around(text, form)}`);
  });
});

/** Where it was found, for the one who has to mend it. */
function around(text: string, found: string): string {
  const at = text.indexOf(found);
  return text.slice(Math.max(0, at - 200), at + found.length + 100);
}

/** Every key of Redis with all of its value. */
async function valuesOf(redis: Redis): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const key of await redis.keys('*'))
    found.push([`Redis: ${key}`, key + JSON.stringify(await contentOf(redis, key))]);
  assert.ok(found.length > 5);
  return found;
}

const READS: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.getBuffer(key).then((value) => value?.toString('latin1')),
  hash: (redis, key) => redis.hgetall(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, '0', '-1'),
  stream: (redis, key) => redis.xrange(key, '-', '+'),
  none: async () => undefined,
};

async function contentOf(redis: Redis, key: string): Promise<unknown> {
  return READS[await redis.type(key)](redis, key);
}

/** What every user of the machine sees of its processes. */
function commandLines(): [string, string][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return [`command line of ${pid}`, readFileSync(`/proc/${pid}/cmdline`, 'latin1')];
      } catch {
        return [`command line of ${pid}`, ''];
      }
    });
}
