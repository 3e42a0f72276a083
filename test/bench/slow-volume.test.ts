import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFiles, measureSlowly } from '../../bench/slow-volume/slow-export.ts';
import { tempFolder } from '../harness/temp.ts';

const DELAY_MS = 200;

describe('the benchmark of a slow volume', () => {
  for (const reader of [2, 'pipe'] as const)
    it(`exports all of it, each call late, and leaves no mount (${reader})`, async () => {
      await using temp = await tempFolder('bench-slow');
      const { files, bytes } = makeFiles(join(temp.path, 'files'), 20);
      assert.deepEqual({ files, bytes }, { files: 20, bytes: 20 * 262_144 });
      const { signal } = new AbortController();
      const run = await measureSlowly(reader, {
        folder: temp.path,
        environment: {},
        signal,
        delayMs: DELAY_MS,
      });
      // Each file is opened and read, by two at a time at most, and starting the programs takes less than that.
      assert.ok(run.wall > (20 * 2 * DELAY_MS) / 1_000 / 2, `${run.wall} s`);
      assert.ok((await readdir(join(temp.path, 'out'))).includes('bench.tar.zst'));
      assert.ok(!(await readFile('/proc/self/mounts', 'utf8')).includes(temp.path));
    });
});
