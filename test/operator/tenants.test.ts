import assert from 'node:assert/strict';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';
import { begin, prepareStorm, untilCompleted, untilPacked } from './storm.ts';

const TEST_MS = 1_200_000;

/** Until an endless script is noticed, and Redis is there again with what it had. */
const RESTARTED_MS = 300_000;

const MEGABYTES = 40;
const FLOOD = `for i = 1, ${MEGABYTES} do redis.call('SET', KEYS[1] .. ARGV[1] .. ':' .. i, string.rep('x', 1048576)) end`;

describe('a tenant who does harm in Redis', function () {
  this.timeout(TEST_MS);

  before(() => prepareStorm());

  async function keyOf(which: Applied, name: string): Promise<string> {
    const { metadata } = await installation().get(which);
    return `bull:export-x${metadata.uid.replaceAll('-', '')}:${name}`;
  }

  /** How often Redis' container was started again. */
  async function restarts(): Promise<number> {
    const path = '--output=jsonpath={.status.containerStatuses[0].restartCount}';
    return Number(
      await installation().cluster.kubectl('get', 'pod/longshore-redis-0', '--namespace=longshore', path),
    );
  }

  it('by a script without end has Redis started again: exports go on, and pack nothing twice', async () => {
    const which = await begin('busy', 2);
    await untilPacked(which, 1);
    const before = await restarts();
    const started = performance.now();
    // It writes first, so that Redis refuses to end it (SCRIPT KILL) and whoever asks for anything.
    const script = `redis.call('SET', KEYS[1], '1') while true do end`;
    await installation()
      .redisAsWorkerOf(which, 'eval', script, '1', await keyOf(which, 'endless'))
      .catch(() => undefined);
    await until(async () => (await restarts()) > before, {
      what: 'Redis is started again',
      withinMs: RESTARTED_MS,
    });
    const seconds = (performance.now() - started) / 1_000;
    console.log(`      Redis was started again after ${seconds.toFixed(0)} s`);
    const { packs, items } = await untilCompleted(which);
    console.log(`      ${packs} packs of ${items} items`);
    assert.equal(packs, items);
  });

  it('by filling it up has all exports wait; they go on once there is room, and pack nothing twice', async () => {
    const which = await begin('flooded', 2);
    await untilPacked(which, 1);
    const key = await keyOf(which, 'flood:');
    let said = '';
    for (let round = 0; !/OOM/.test(said) && round < 40; round++)
      said = await installation().redisAsWorkerOf(which, 'eval', FLOOD, '1', key, String(round));
    assert.match(said, /OOM/);
    assert.match(await installation().redis('set', 'bull:export-probe', 'x'), /OOM/);
    assert.notEqual((await installation().get(which)).status?.phase, 'Failed');
    const keys = (await installation().redis('keys', `${key}*`)).split('\n');
    for (let at = 0; at < keys.length; at += 100)
      await installation().redis('unlink', ...keys.slice(at, at + 100));
    const { packs, items } = await untilCompleted(which);
    console.log(`      ${keys.length} MB were written; ${packs} packs of ${items} items`);
    assert.equal(packs, items);
  });
});
