import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import {
  defaultName,
  refuseInside,
  resolveDestination,
  sourceDirectory,
} from '../src/commands/export-paths.ts';
import { CliError } from '../src/error.ts';

const isUsage = (error: unknown) => error instanceof CliError && error.code === 'USAGE';

describe('the paths of an export', () => {
  let temp: TempFolder;
  let source: string;
  const at = (...names: string[]) => join(temp.path, ...names);

  beforeEach(async () => {
    temp = await tempFolder('export-paths');
    source = at('data');
    await mkdir(at('data', 'inner'), { recursive: true });
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  describe('have a source', () => {
    it('that becomes absolute', async () => {
      assert.equal(await sourceDirectory(relative(process.cwd(), source)), source);
    });

    it('that may be a link to a directory', async () => {
      await symlink(source, at('link'));
      assert.equal(await sourceDirectory(at('link')), at('link'));
    });

    it('that is a directory, and is there', async () => {
      await writeFile(at('file'), '');
      await symlink(at('gone'), at('dangling'));
      for (const src of ['', at('missing'), at('file'), at('file', 'below'), at('dangling')])
        await assert.rejects(sourceDirectory(src), isUsage, src);
    });
  });

  describe('have a destination', () => {
    it('that becomes absolute, unless it is a URL', () => {
      assert.equal(resolveDestination('archives'), join(process.cwd(), 'archives'));
      assert.equal(resolveDestination('s3://bucket/prefix'), 's3://bucket/prefix');
      assert.equal(resolveDestination('file:///srv/a%20b'), '/srv/a b');
      assert.throws(() => resolveDestination(''), isUsage);
    });

    const inside = [
      'data',
      'data/inner',
      'data/inner/not/there/yet',
      'data/../data',
      'link/inner',
      'link/new',
      'into',
    ];
    for (const destination of inside) {
      it(`that is refused where the archive would contain itself: ${destination}`, async () => {
        await symlink(source, at('link'));
        await symlink(at('data', 'inner'), at('into'));
        await assert.rejects(refuseInside(source, at(destination)), isUsage);
        await assert.rejects(refuseInside(at('link'), at(destination)), isUsage);
      });
    }

    for (const destination of ['.', 'data2', 'data-archives/new', 'data/../archives']) {
      it(`that may be beside the source, or above: ${destination}`, async () => {
        await refuseInside(source, at(destination));
      });
    }

    it('that is always inside of the whole file system', async () => {
      await assert.rejects(refuseInside('/', at('archives')), isUsage);
    });

    it('that is elsewhere for certain where it is a bucket', async () => {
      await refuseInside('/', 's3://bucket');
    });
  });

  it('give the archive a name that says what it is of, and when', () => {
    const noon = new Date('2026-11-22T17:00:00.123Z');
    assert.equal(defaultName('/srv/data', noon), 'data-20261122T170000Z');
    assert.equal(defaultName('/', noon), 'root-20261122T170000Z');
  });
});
