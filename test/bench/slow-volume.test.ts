import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFiles, measureSlowly } from '../../bench/slow-volume/slow-export.ts';
import { tempFolder } from '../harness/temp.ts';

describe('the benchmark of a slow volume', () => {
  for (const reader of [2, 'pipe'] as const)
    it(`exports all of it, each call late, and leaves no mount (${reader})`, async () => {
      await using temp = await tempFolder('bench-slow');
      const { files, bytes } = makeFiles(join(temp.path, 'files'), 20);
      assert.deepEqual({ files, bytes }, { files: 20, bytes: 20 * 262_144 });
      const { signal } = new AbortController();
      const run = await measureSlowly(reader, { folder: temp.path, environment: {}, signal, delayMs: 5 });
      // At least: looked up, opened and read, one after the other.
      assert.ok(run.wall > (20 * 3 * 0.005) / (reader === 'pipe' ? 1 : 2), `${run.wall} s`);
      assert.ok((await readdir(join(temp.path, 'out'))).includes('bench.tar.zst'));
      assert.ok(!(await readFile('/proc/self/mounts', 'utf8')).includes(temp.path));
    });
});
