import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { measurePlanning } from '../../bench/planning/plan-volume.ts';
import { tempFolder } from '../harness/temp.ts';

describe('the benchmark of planning', () => {
  it('plans the whole volume, lists it, and leaves nothing', async () => {
    await using temp = await tempFolder('bench-planning');
    mkdirSync(join(temp.path, 'volume'));
    for (let n = 0; n < 20; n++) writeFileSync(join(temp.path, 'volume', `${n}`), 'content');
    const { signal } = new AbortController();
    const run = await measurePlanning({ folder: temp.path, environment: {}, signal });
    assert.equal(run.files, 20);
    assert.ok(run.plan > 0);
    assert.deepEqual(
      (await readdir(temp.path)).filter((name) => name !== 'times'),
      ['volume'],
    );
  });
});
