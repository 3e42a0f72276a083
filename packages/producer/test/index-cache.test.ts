import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryStore, type Store } from '@longshore/store';
import { IndexWriter } from '@longshore/tape';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { IndexCache } from '../src/browse/index-cache.ts';
import type { PublishedArchive } from '../src/exports/exports.ts';

describe('the cache of indexes', () => {
  let temp: TempFolder;
  let store: DirectoryStore;
  let folder: string;
  let fetched: string[];
  let bytes: number;

  beforeEach(async () => {
    temp = await tempFolder('index-cache');
    folder = join(temp.path, 'cache');
    store = await DirectoryStore.open(join(temp.path, 'archives'));
    fetched = [];
    for (const name of ['a', 'b', 'c']) bytes = await publish(name);
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  /** An index of some size; gives that. */
  async function publish(name: string): Promise<number> {
    const file = join(temp.path, `${name}.sqlite`);
    using writer = new IndexWriter(file);
    writer.setMeta('archive', `${name}.tar`);
    writer.setMeta('ballast', randomBytes(50_000).toString('hex'));
    writer.finish();
    const body = readFileSync(file);
    await store.put(`${name}.index.sqlite`, { bytes: body.length, chunks: [body] });
    return body.length;
  }

  function archiveOf(name: string): PublishedArchive {
    const counting: Store = new Proxy(store, {
      get(target, method) {
        const value: unknown = Reflect.get(target, method);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (method === 'get') fetched.push(name);
          return value.apply(target, args);
        };
      },
    });
    const keys = { key: `${name}.tar`, index: `${name}.index.sqlite`, manifest: `${name}.manifest.json` };
    return { store: counting, ...keys, bytes: 1, etag: 'etag' };
  }

  async function use(cache: IndexCache, name: string): Promise<void> {
    using lease = await cache.lease(name, archiveOf(name));
    assert.equal(lease.reader.meta('archive'), `${name}.tar`);
  }

  /** Files of the folder that this process has open, without their names as they are. */
  function openFiles(): number {
    return readdirSync('/proc/self/fd').filter((fd) => {
      const link = join('/proc/self/fd', fd);
      return existsSync('/proc/self/fd') && targetOf(link).startsWith(folder);
    }).length;
  }

  function targetOf(link: string): string {
    try {
      return readlinkSync(link);
    } catch {
      // The descriptor that the folder was read with.
      return '';
    }
  }

  it('fetches an index once for all who ask for it', async () => {
    await using cache = new IndexCache({ folder, maxBytes: 10 * bytes });
    await Promise.all(Array.from({ length: 20 }, () => use(cache, 'a')));
    await use(cache, 'a');
    assert.deepEqual(fetched, ['a']);
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(openFiles(), 1);
  });

  it('drops what was used longest ago, and closes it', async () => {
    await using cache = new IndexCache({ folder, maxBytes: 2 * bytes });
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await use(cache, name);
    assert.deepEqual(fetched, ['a', 'b', 'c', 'b']);
    assert.equal(openFiles(), 2);
  });

  it('closes what it dropped only when nobody reads it any more', async () => {
    await using cache = new IndexCache({ folder, maxBytes: bytes });
    const lease = await cache.lease('a', archiveOf('a'));
    await use(cache, 'b');
    assert.equal(lease.reader.meta('archive'), 'a.tar');
    assert.equal(openFiles(), 2);
    lease[Symbol.dispose]();
    lease[Symbol.dispose]();
    assert.equal(openFiles(), 1);
  });

  it('closes everything at its end', async () => {
    const cache = new IndexCache({ folder, maxBytes: 2 * bytes });
    await use(cache, 'a');
    await use(cache, 'b');
    await cache[Symbol.asyncDispose]();
    assert.equal(openFiles(), 0);
  });

  it('refuses an index that is larger than itself, and asks again for one that could not be had', async () => {
    await using cache = new IndexCache({ folder, maxBytes: bytes });
    await using small = new IndexCache({ folder, maxBytes: bytes - 1 });
    await assert.rejects(use(small, 'a'), { code: 'INDEX_TOO_LARGE' });
    await store.delete(['a.index.sqlite']);
    await assert.rejects(use(cache, 'a'), { code: 'ARCHIVE_GONE' });
    await publish('d');
    await assert.rejects(cache.lease('d', { ...archiveOf('d'), key: 'a.tar' }), {
      code: 'PUBLISHED_DAMAGED',
    });
    await use(cache, 'd');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('clears away what a process that was killed had begun to fetch', async () => {
    await use(new IndexCache({ folder, maxBytes: bytes }), 'a');
    const old = join(folder, 'longshore-index-1.partial');
    const fresh = join(folder, 'longshore-index-2.partial');
    for (const path of [old, fresh, join(folder, 'else')]) writeFileSync(path, '');
    utimesSync(old, 0, 0);
    const cache = new IndexCache({ folder, maxBytes: bytes });
    await cache[Symbol.asyncDispose]();
    assert.deepEqual(readdirSync(folder).sort(), ['else', 'longshore-index-2.partial']);
  });
});
