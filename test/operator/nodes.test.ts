import assert from 'node:assert/strict';
import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';
import { begin, type Ended, prepareStorm, untilCompleted, untilPacked } from './storm.ts';

const TEST_MS = 2_000_000;

describe('an export whose nodes come and go', function () {
  this.timeout(TEST_MS);
  let calm: Ended;

  before(async function () {
    this.timeout(TEST_MS);
    await prepareStorm();
    calm = await untilCompleted(await begin('calm-nodes', 2));
  });

  /** What a node had finished when it was lost isn't packed again; what it was at is. */
  async function assertSame(which: Applied): Promise<void> {
    const { sha256, packs, items } = await untilCompleted(which);
    console.log(`      ${which.name}: ${packs} packs of ${items} items`);
    assert.equal(sha256, calm.sha256);
    assert.equal(packs, items);
  }

  it('has one drained', async () => {
    const which = await begin('drained', 4);
    await untilPacked(which, 1);
    await installation().cluster.node(2).drain();
    await installation().cluster.node(2).uncordon();
    await assertSame(which);
  });

  // Redis' volume is a folder that all nodes see, but its pod is bound to none: it moves with a node that is lost.
  it('has one killed with everything on it, which comes back', async () => {
    const which = await begin('killed', 4);
    await untilPacked(which, 1);
    const node = installation().cluster.node(await installation().nodeWithoutRedis());
    await node.kill();
    await node.waitUntil('NotReady');
    await node.restart();
    await assertSame(which);
    await installation().rolledOut();
  });

  it('has one cut off, whose cut is healed', async () => {
    const which = await begin('cut-off', 4);
    await untilPacked(which, 1);
    const node = installation().cluster.node(await installation().nodeWithoutRedis());
    await node.partition();
    await node.waitUntil('NotReady');
    await node.heal();
    await node.waitUntil('Ready');
    await assertSame(which);
    await installation().rolledOut();
  });
});
