import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { addExportFlow, addPacks, forgetExport, openExport, planJob } from '@longshore/producer';
import { type JobName, LEVELS, type Order, PREFIX, QUEUE } from '@longshore/shared';
import { DirectoryStore, MemoryStore, type Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { type Job, Queue, WaitingChildrenError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Attempt } from '../../packages/worker/src/attempt.ts';
import { ExportContexts } from '../../packages/worker/src/export-context.ts';
import { PROCESSORS } from '../../packages/worker/src/processors.ts';
import { OutputMemory } from '../../packages/worker/src/threads/output-memory.ts';
import { RenderThreads } from '../../packages/worker/src/threads/render-threads.ts';
import { randomBytes, seededRandom } from '../fixtures/random-tree.ts';
import { publishedNames } from '../harness/destination.ts';
import { Killed, Life } from '../harness/mortal-store.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const VERSION = '0.0.0-test';
const TOKEN = 'test';
const LOCK_MS = 60_000;

/** What an export made, without what is another in each one: its id, and the times. */
interface Made {
  archive: string;
  index: string;
  manifest: object;
}

describe('a worker that dies after any one of its changes to the store', () => {
  let temp: TempFolder;
  let volume: string;
  let spool: string;
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let worker: Worker;
  let threads: RenderThreads;
  let expected: Made | undefined;

  before(async () => {
    temp = await tempFolder('crash');
    volume = join(temp.path, 'volume');
    spool = join(temp.path, 'spool');
    await mkdir(spool);
    await makeVolume(volume);
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    worker = new Worker(QUEUE, null, { connection: redis, prefix: PREFIX, lockDuration: LOCK_MS });
    threads = new RenderThreads(1, OutputMemory.reserve({ maxBytes: 2 ** 30, enoughBytes: 2 ** 30 }));
  });

  after(async () => {
    await threads[Symbol.asyncDispose]();
    await worker.close();
    await queue.close();
    redis.disconnect();
    await server.stop();
    await temp[Symbol.asyncDispose]();
  });

  let directories = 0;
  const openDirectory = () => DirectoryStore.open(join(temp.path, `archives-${++directories}`));
  /** Of a directory, whose own steps have tests of their own, some changes are enough. */
  const stores: readonly { name: string; open: () => Promise<Store>; step: number }[] = [
    { name: 'memory', open: async () => new MemoryStore(), step: 1 },
    { name: 'a directory', open: openDirectory, step: 4 },
  ];

  for (const { name, open, step } of stores) {
    it(`changes nothing of an archive in ${name}`, async () => {
      const { made, changes } = await madeAfter(Number.POSITIVE_INFINITY);
      expected ??= made;
      assert.deepEqual(made, expected);
      assert.ok(changes > 25, `an export made ${changes} changes`);
      for (let life = 1; life < changes; life += step) {
        assert.deepEqual((await madeAfter(life)).made, expected, `after ${life} changes`);
      }

      async function madeAfter(life: number): Promise<{ made: Made; changes: number }> {
        await using store = await open();
        return await exportInLives(store, life);
      }
    }).timeout(300_000);
  }

  /** Makes an export in two lives, the first one so many changes long, and asserts that nothing else is left. */
  async function exportInLives(store: Store, life: number): Promise<{ made: Made; changes: number }> {
    const { signal } = new AbortController();
    const request = { volume, destination: 'store', name: 'archive', exclude: [] };
    const options = { format: 'tar.zst', level: LEVELS['tar.zst'].default, onChange: 'fail' } as const;
    const order = await openExport({ ...request, ...options }, { store, build: thisBuild(VERSION), signal });
    await addExportFlow(order, { connection: redis, queue: QUEUE });
    const first = new Life(life);
    const ended = await live(first.live(store));
    if (!ended) assert.ok(await live(store), 'the second life was cut short too');
    await forgetExport(order, { queue, redis });
    await assertNothingElse(store, order);
    return { made: await madeIn(store, order), changes: first.changes };
  }

  /** Does the jobs that there are as a new process would, one after the other; false where it was killed. */
  async function live(store: Store): Promise<boolean> {
    const destinations = new Map([['store', store]]);
    const volumes = new Map([[volume, volume]]);
    const contexts = new ExportContexts({ volumes, destinations, version: VERSION });
    for (let job = await nextJob(); job; job = await nextJob()) {
      try {
        await work(job, contexts);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        // What the queue does by itself once a dead worker's lock has run out.
        await job.moveToWait(TOKEN);
        return false;
      }
    }
    return true;
  }

  const nextJob = (): Promise<Job | undefined> => worker.getNextJob(TOKEN, { block: false });

  async function work(job: Job, contexts: ExportContexts): Promise<void> {
    const attempt = new Attempt({ job, token: TOKEN, lockMs: LOCK_MS });
    const parts = { contexts, threads, queue, redis, spool, plan: planJob, addPacks };
    try {
      const result = await PROCESSORS[job.name as JobName].run({ ...parts, data: job.data, attempt });
      await job.moveToCompleted(result ?? null, TOKEN, false);
    } catch (error) {
      if (!(error instanceof WaitingChildrenError)) throw error;
    }
  }

  async function assertNothingElse(store: Store, { id, upload }: Order): Promise<void> {
    const names = publishedNames('archive');
    assert.deepEqual((await Array.fromAsync(store.list(''))).map(({ key }) => key).sort(), names);
    assert.deepEqual(await Array.fromAsync(store.listUploads(upload.key)), []);
    assert.deepEqual(
      (await redis.keys('*')).filter((key) => key.includes(id)),
      [],
    );
    assert.deepEqual(await readdir(spool), []);
  }
});

/** Five items: a part, two runts that make a part with padding, another part, and a runt for the tail. */
async function makeVolume(folder: string): Promise<void> {
  await mkdir(folder);
  const random = seededRandom(7);
  const noise = { 'a-part': 6, 'b-runt': 1, 'c-runt': 1, 'd-part': 6 };
  for (const [name, mebibytes] of Object.entries(noise)) {
    await writeFile(join(folder, name), randomBytes(random, mebibytes * 2 ** 20));
    await truncate(join(folder, name), 64 * 2 ** 20);
  }
  await writeFile(join(folder, 'e-tail'), randomBytes(random, 2 ** 20));
}

async function madeIn(store: Store, { id }: Order): Promise<Made> {
  const read = async (key: string) => buffer(await store.get(key));
  const index = (await read('archive.index.sqlite')).toString('latin1').replaceAll(id, 'ID');
  const manifest = JSON.parse((await read('archive.manifest.json')).toString());
  const { export: _, ...rest } = manifest;
  return {
    archive: digest(await read('archive.tar.zst')),
    index: digest(Buffer.from(index, 'latin1')),
    manifest: { ...rest, archive: { ...rest.archive, etag: '' } },
  };
}

const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');
