import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { buildProgram } from '../../scripts/build/program.ts';
import { root } from '../../scripts/config.ts';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeNastyTree, removeTree } from '../fixtures/nasty-tree.ts';
import { bucketDestination } from '../harness/destination.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { runExport } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { startS3 } from '../harness/versitygw.ts';

/** Built where nothing of the checkout is above it, as in the image. */
describe('the built program', () => {
  let temp: TempFolder;
  let source: string;

  const built = (...args: string[]) =>
    execa(process.execPath, [join(temp.path, 'built/longshore.js'), ...args]);

  before(async () => {
    temp = await tempFolder('build');
    source = join(temp.path, 'source');
    await mkdir(source);
    makeNastyTree(source, { seed: 5, beyondPathMax: false, socket: false });
    await buildProgram(join(temp.path, 'built'));
  });

  after(async () => {
    removeTree(source);
    await temp[Symbol.asyncDispose]();
  });

  it('makes the archive that the source makes, verifies it, and restores it', async () => {
    const archives = [join(temp.path, 'by-built'), join(temp.path, 'by-source')] as const;
    await built('export', source, '--to', archives[0], '--name', 'data', '--workers', '2');
    const { exitCode, stderr } = await runExport(source, archives[1], { args: ['--name', 'data'] });
    assert.equal(exitCode, 0, stderr);
    const [byBuilt, bySource] = archives.map((folder) => join(folder, 'data.tar.zst'));
    assert.equal(await sha256OfFile(byBuilt), await sha256OfFile(bySource));

    await built('verify', byBuilt);
    const copy = join(temp.path, 'copy');
    await mkdir(copy);
    await built('restore', byBuilt, copy);
    assert.deepEqual(compareTrees(source, copy), []);
    removeTree(copy);
  });

  it('exports to S3', async () => {
    const s3 = await startS3();
    try {
      await using destination = await bucketDestination(s3);
      const main = [join(temp.path, 'built/longshore.js'), 'export', source, '--to', destination.uri];
      await execa(process.execPath, [...main, '--name', 'data'], { env: destination.env });
      assert.ok((await destination.contents()).includes('data.tar.zst'));
    } finally {
      await s3.stop();
    }
  });

  it('passes on the licences of what is in it', async () => {
    const licenses = await readFile(join(temp.path, 'built/LICENSES.txt'), 'utf8');
    for (const name of ['bullmq', '@aws-sdk/client-s3', 'koffi', '@bull-board/ui', 'zod'])
      assert.ok(licenses.includes(`\n${name} `), name);
    assert.match(licenses, /Permission is hereby granted/);
    assert.match(await readFile(join(temp.path, 'built/LICENSE'), 'utf8'), /Apache License/);
  });

  it('names no folder of the machine that it was built on', async () => {
    const files = globSync('**/*.js', { cwd: join(temp.path, 'built') });
    assert.ok(files.length > 50);
    for (const file of files) {
      const text = await readFile(join(temp.path, 'built', file), 'utf8');
      assert.ok(!text.includes(root), file);
    }
  });
});
