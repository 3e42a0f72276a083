import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Problem, TERMINAL_PHASES } from '@longshore/shared';
import { Redis } from 'ioredis';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { publishedNames } from '../harness/destination.ts';
import type { Longshore } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type LogLine, logOf } from './log-of.ts';
import { type Server, Service } from './processes.ts';

const LOOK_AGAIN_MS = 20;

/** Longer than any request may take that Redis refuses at once; an answer that is waited for comes after 35 s. */
const PROMPT_MS = 10_000;

/** A line by which a program says that Redis refuses, and the one by which it takes that back. */
const isTrouble = ({ msg }: LogLine) => msg.startsWith("Redis can't be used");
const isRelief = ({ msg }: LogLine) => msg === 'Redis can be used again.';

describe('a Redis that is full, in the middle of an export', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let server: Server;
  let workers: Longshore[];
  let redis: Redis;
  const logs = new Map<Longshore, LogLine[]>();

  before(async () => {
    temp = await tempFolder('redis-full');
    makeRandomTree(join(temp.path, 'volume'), { seed: 12, bytes: 450e6, files: 300 });
    service = await Service.start({ volumes: { photos: join(temp.path, 'volume') } });
    server = await service.serve();
    workers = await service.workers(2);
    for (const program of [server.process, ...workers]) logs.set(program, logOf(program));
    redis = new Redis(service.redis.socket);
  });
  after(async () => {
    redis.disconnect();
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143]);
    assert.deepEqual(left, []);
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.api.url + path, { ...init, signal: AbortSignal.timeout(PROMPT_MS) });

  async function refused(path: string, init: RequestInit = {}): Promise<[number, string]> {
    const answer = await ask(path, init);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const { code, detail } = (await answer.json()) as Problem;
    assert.doesNotMatch(detail, /OOM|maxmemory|script|node_modules/);
    return [answer.status, code];
  }

  /** Commands that Redis has refused for want of memory. */
  async function refusals(): Promise<number> {
    return Number(/errorstat_OOM:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0);
  }

  const said = (program: Longshore, test: (line: LogLine) => boolean) =>
    (logs.get(program) ?? []).filter(test).length;

  async function untilAll(test: (program: Longshore) => boolean): Promise<void> {
    while (![...logs.keys()].every(test)) await delay(LOOK_AGAIN_MS);
  }

  it('is said once by each program, and waited for: requests are refused clearly, the archive has the same bytes', async () => {
    const undisturbed = await server.api.create({
      volume: 'photos',
      destination: 'bucket',
      name: 'undisturbed',
    });
    await server.api.untilPhase(undisturbed, 'Completed');
    const id = await server.api.create({ volume: 'photos', destination: 'bucket', name: 'starved' });
    await server.api.until(id, ({ progress }) => progress.packs >= 1);

    await redis.config('SET', 'maxmemory', '1');
    const begin = performance.now();
    await untilAll((program) => said(program, isTrouble) > 0);
    assert.deepEqual(await refused('/readyz'), [503, 'NOT_READY']);
    assert.equal((await ask('/healthz')).status, 200);
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = (name: string) => JSON.stringify({ volume: 'photos', destination: 'bucket', name });
    assert.deepEqual(await refused('/v1/exports', { ...json, body: body('late') }), [503, 'REDIS_FULL']);
    const once = { ...json.headers, 'idempotency-key': 'a7' };
    assert.deepEqual(await refused('/v1/exports', { ...json, headers: once, body: body('once') }), [
      503,
      'REDIS_FULL',
    ]);
    for (const action of ['suspend', 'cancel'])
      assert.deepEqual(await refused(`/v1/exports/${id}/${action}`, { method: 'POST' }), [503, 'REDIS_FULL']);
    assert.deepEqual(await refused(`/v1/exports/${undisturbed}`, { method: 'DELETE' }), [503, 'REDIS_FULL']);
    for (const path of ['/v1/exports', `/v1/exports/${id}`, `/v1/exports/${undisturbed}/links`, '/metrics'])
      assert.equal((await ask(path)).status, 200, path);

    // Everyone has asked again, more than once; that is tens of refusals, where a loop without pauses has thousands.
    const until = (await refusals()) + 15;
    while ((await refusals()) < until) await delay(LOOK_AGAIN_MS);
    const seconds = (performance.now() - begin) / 1_000;
    assert.ok((await refusals()) < 60 + 40 * seconds, `${await refusals()} refusals in ${seconds} s`);
    assert.ok(!TERMINAL_PHASES.has((await server.api.get(id)).phase));

    await redis.config('SET', 'maxmemory', '0');
    const { progress } = await server.api.untilPhase(id, 'Completed');
    assert.equal(progress.doneItems, progress.items);
    assert.equal(await service.sha256('starved.tar.zst'), await service.sha256('undisturbed.tar.zst'));
    assert.deepEqual(await service.bucket.contents(), [
      ...publishedNames('starved'),
      ...publishedNames('undisturbed'),
    ]);
    assert.equal((await ask('/readyz')).status, 200);
    await assertSaidOnce();
  });

  /**
   * One line for each program, and not one for each refusal. A worker that gets no job afterwards can't know that it
   * could have one.
   */
  async function assertSaidOnce(): Promise<void> {
    while (said(server.process, isRelief) === 0) await delay(LOOK_AGAIN_MS);
    for (const [program, lines] of logs) {
      const loud = lines.filter(({ level }) => level > 30).map(({ msg }) => msg);
      assert.deepEqual(
        loud.filter((line) => !line.startsWith("Redis can't be used")),
        [],
      );
      assert.equal(loud.length, 1, loud.join('\n'));
      assert.ok(said(program, isRelief) <= 1);
    }
  }
});
