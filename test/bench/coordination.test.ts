import assert from 'node:assert/strict';
import { measureCeiling } from '../../bench/coordination/ceiling.ts';
import { measureSmallExport } from '../../bench/coordination/small-export.ts';

describe('the benchmark of coordination', () => {
  const { signal } = new AbortController();

  it('passes an export through the queue that packs nothing', async () => {
    const { seconds, redisCpu, ...rest } = await measureCeiling(2, { items: 50, signal });
    assert.deepEqual(rest, { workers: 2, items: 50 });
    assert.ok(seconds > 0 && redisCpu > 0);
  });

  it('really exports as many small items as are asked for', async () => {
    const { items, wall } = await measureSmallExport(40, signal);
    assert.equal(items, 40);
    assert.ok(wall > 0);
  });
});
