import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CORPORA, type CorpusName } from '../../bench/corpora/corpora.ts';
import { tempFolder } from '../harness/temp.ts';

/** The other one, `mixed`, is of whatever the machine has. */
const GENERATED = ['small-files', 'incompressible', 'json-logs', 'sparse'] as const;

const SCALE = 0.001;

/** Paths of files below a folder, in the order of their names. */
const filesOf = (folder: string) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesOf(folder)) hash.update(file.slice(folder.length)).update(readFileSync(file));
  return hash.digest('hex');
}

describe('a corpus of the benchmark', () => {
  const make = (name: CorpusName, path: string) =>
    CORPORA[name].make({ path, scale: SCALE, signal: new AbortController().signal });

  for (const name of GENERATED) {
    it(`has the same files each time it's made: ${name}`, async () => {
      await using temp = await tempFolder('corpus');
      const [first, second] = [join(temp.path, '1'), join(temp.path, '2')];
      const contents = await make(name, first);
      assert.deepEqual(await make(name, second), contents);
      assert.equal(digestOf(second), digestOf(first));
    });

    it(`says how many files it has, and how large they are: ${name}`, async () => {
      await using temp = await tempFolder('corpus');
      const path = join(temp.path, 'corpus');
      const { files, bytes } = await make(name, path);
      const sizes = filesOf(path).map((file) => lstatSync(file).size);
      assert.deepEqual(
        { files, bytes },
        { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) },
      );
    });
  }

  it('has holes where it is to have them', async () => {
    await using temp = await tempFolder('corpus');
    const path = join(temp.path, 'corpus');
    const { bytes } = await make('sparse', path);
    const allocated = filesOf(path).reduce((sum, file) => sum + lstatSync(file).blocks * 512, 0);
    assert.ok(allocated < bytes / 20, `${allocated} of ${bytes} bytes are allocated`);
  });

  it('ends being made when it is told to', async () => {
    await using temp = await tempFolder('corpus');
    const signal = AbortSignal.abort(new Error('enough'));
    for (const name of GENERATED)
      await assert.rejects(
        CORPORA[name].make({ path: join(temp.path, name), scale: SCALE, signal }),
        /enough/,
      );
  });
});
