import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addExportFlow, addPacks, clearStore, openExport, planJob, readOutcome } from '@longshore/producer';
import { type Order, PREFIX } from '@longshore/shared';
import { DirectoryStore, type Store } from '@longshore/store';
import { itemRange, thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { readWholeArchive } from '../../../test/harness/whole-archive.ts';
import { WorkerPool } from '../src/index.ts';
import { until } from './until.ts';

const QUEUE = 'publish-test';
const VERSION = '1.2.3';
const never = new AbortController().signal;

/** More than the part minimum, and nothing to compress: item 0 becomes a part. */
const noise = () => randomFillSync(Buffer.alloc(6 * 2 ** 20));

const ITEMS = 10;

/** An item's worth of a sparse file: it begins with noise, and so becomes a part. */
function writeItem(path: string): void {
  writeFileSync(path, noise());
  truncateSync(path, itemRange(0).end);
}

/**
 * The store, where `act` is called before each call of one method; and without preparing completions, as S3 is: until
 * the completion itself, a late writer can replace a part.
 */
function watched(
  store: Store,
  method: 'completeUpload' | 'put',
  act: (key: unknown) => Promise<void>,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name === 'prepareCompletion') return undefined;
      if (name !== method) return value.bind(target);
      return async (...args: unknown[]) => {
        await act(args[0]);
        return value.apply(target, args);
      };
    },
  });
}

describe('publishing', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let temp: TempFolder;
  let volume: string;
  let archives: string;
  let store: Store;
  let order: Order;

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
  });
  after(async () => {
    await queue.close();
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    temp = await tempFolder('publish');
    volume = join(temp.path, 'volume');
    archives = join(temp.path, 'archives');
    for (const folder of [volume, join(temp.path, 'spool')]) mkdirSync(folder);
    writeFileSync(join(volume, 'file'), noise());
    store = await DirectoryStore.open(archives);
    const request = { volume, destination: 'archives', name: 'archive', exclude: [] };
    const options = { format: 'tar.zst', level: 1, onChange: 'record' } as const;
    order = await openExport({ ...request, ...options }, { store, build: thisBuild(VERSION), signal: never });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  /** Sees the export to its end on a pool of its own, whose store is `seen`. */
  async function outcomeOn(seen: Store) {
    const pool = await WorkerPool.start({
      ...{ redis: server.socket, queue: QUEUE, threads: 1, lockMs: 30_000, version: VERSION },
      ...{ spool: join(temp.path, 'spool'), plan: planJob, addPacks, logger: pino({ level: 'silent' }) },
      volumes: new Map([[volume, volume]]),
      destinations: new Map([['archives', seen]]),
    });
    try {
      await addExportFlow(order, { connection: redis, queue: QUEUE });
      return await until(async () => {
        const outcome = await readOutcome(order, { queue, redis });
        return outcome.kind !== 'running' && outcome;
      });
    } finally {
      await pool.stop({ graceMs: 0 });
    }
  }

  it('replaces an index that it published before an item was packed again', async () => {
    let late = true;
    const writeLate = async () => {
      if (!late) return;
      late = false;
      writeFileSync(join(volume, 'file'), noise());
      const chunk = noise();
      await store.putPart(order.upload, 1, { bytes: chunk.length, chunks: [chunk] });
    };
    const outcome = await outcomeOn(watched(store, 'completeUpload', writeLate));
    assert.equal(outcome.kind, 'completed');
    const whole = readWholeArchive(archives);
    assert.deepEqual([...whole.drift], [['file', 'changed']]);
    assert.equal(whole.entries.get('file')?.drift, 'changed');
  });

  it("neither replaces nor clears away an index that isn't its own", async () => {
    writeFileSync(join(archives, 'archive.index.sqlite'), "somebody's");
    const outcome = await outcomeOn(store);
    assert.equal(outcome.kind === 'failed' && outcome.failure.code, 'ARCHIVE_EXISTS');
    assert.equal(await clearStore(order, store), 'cleared');
    assert.deepEqual(await readdir(archives), ['archive.index.sqlite']);
    assert.equal(await readFile(join(archives, 'archive.index.sqlite'), 'utf8'), "somebody's");
  });

  it('stays when it is cleared after its end', async () => {
    assert.equal((await outcomeOn(store)).kind, 'completed');
    assert.equal(await clearStore(order, store), 'complete');
    readWholeArchive(archives);
  });

  it('is prepared in a directory while items are still packed', async () => {
    for (let item = 0; item < ITEMS; item++) writeItem(join(volume, `item-${item}`));
    const prepared: number[] = [];
    const prepare = store.prepareCompletion?.bind(store);
    store.prepareCompletion = async (upload, parts, options) => {
      await prepare?.(upload, parts, options);
      prepared.push(parts.length);
    };
    assert.equal((await outcomeOn(store)).kind, 'completed');
    const all = prepared.at(-1) ?? 0;
    assert.ok(prepared.length >= 2 && prepared[0] >= 3 && prepared[0] < all, `${prepared}`);
    readWholeArchive(archives);
  });

  it('takes an archive back that was completed and never declared', async () => {
    const seen = watched(store, 'put', async (key) => {
      if (key === 'archive.manifest.json') throw new Error('the worker dies here');
    });
    assert.equal((await outcomeOn(seen)).kind, 'failed');
    assert.ok((await readdir(archives)).includes('archive.tar.zst'));
    assert.equal(await clearStore(order, store), 'cleared');
    assert.deepEqual(await readdir(archives), []);
  });
});
