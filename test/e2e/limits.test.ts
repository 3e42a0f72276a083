import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { FORMATS, type Format, PREFIX, QUEUE } from '@longshore/shared';
import {
  crc32Combine,
  crc32Zeros,
  createCodec,
  FRAME_BYTES,
  itemRange,
  MAX_ITEMS,
  PART_MAX_BYTES,
  PART_MIN_BYTES,
  readSeekTable,
  seekTableBytes,
  TRAILER_BYTES,
} from '@longshore/tape';
import { type Job, Queue, Worker } from 'bullmq';
import { execa } from 'execa';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { layoutParts, type PlannedPart, TAIL_PART } from '../../packages/worker/src/finalize/part-layout.ts';
import { startExport } from '../harness/longshore.ts';
import { memoryOf } from '../harness/memory-of.ts';
import { type Planning, planInChild } from '../harness/planning.ts';
import { type FileRow, Published } from '../harness/published.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { roomyFolder } from '../harness/roomy-folder.ts';
import { makeSparseFiles } from '../harness/sparse-files.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const MB = 1e6;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

const PLANNER_MAX_BYTES = 300 * MB;
/** What a planner may grow by in the second half of its time: V8 lets garbage lie for a while. */
const PLANNER_GROWTH_BYTES = 50 * MB;
const WORKER_MAX_BYTES = 350 * MB;
const REDIS_MAX_BYTES = 50 * MB;

/**
 * Most bytes that a frame gains where nothing in it compresses. zstd (RFC 8878): a frame header of 10 bytes, 32
 * raw blocks of 128 KiB with 3 bytes each, a checksum of 4. deflate: stored blocks and a sync flush, as measured.
 */
const FRAME_GAIN: Record<Format, number> = { 'tar.zst': 10 + 32 * 3 + 4, 'tar.gz': 1_290, tar: 0 };

/** Shown behind a test's title: what was measured, so that a slow creep shows before it's a failure. */
function report(context: Mocha.Context, figures: Record<string, string | number>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  if (context.test) context.test.title += ` (${text.join(', ')})`;
}

const megabytes = (bytes: number) => `${Math.round(bytes / MB)} MB`;

function figuresOf({ items, files, ms, cpuMs, peak, samples }: Planning): Record<string, string | number> {
  const seconds = (ms / 1000).toFixed(1);
  const speed = `${thousands(files, ms)} files/s`;
  return {
    items,
    files,
    in: files < items ? `${seconds} s` : `${seconds} s, ${speed}, ${thousands(files, cpuMs)} per CPU second`,
    'planner RSS': `${megabytes(samples[Math.floor(samples.length / 2)])} halfway, ${megabytes(peak)} at most`,
  };
}

const thousands = (files: number, ms: number) => `${Math.round(files / ms)},000`;

function assertFlat({ peak, samples }: Planning): void {
  const middle = Math.floor(samples.length / 2);
  const growth = Math.max(...samples.slice(middle)) - Math.max(...samples.slice(0, middle));
  assert.ok(peak < PLANNER_MAX_BYTES, `the planner took ${megabytes(peak)}`);
  assert.ok(growth < PLANNER_GROWTH_BYTES, `the planner grew by ${megabytes(growth)} in its second half`);
}

describe('limits by plan', function () {
  this.timeout(300_000);

  describe('the parts of any tape', () => {
    const items = Array.from({ length: MAX_ITEMS }, (_, item) => itemRange(item));

    it('are 9,999 items and a tail, and hold 40 TiB', () => {
      assert.equal(TAIL_PART, MAX_ITEMS + 1);
      assert.ok((items.at(-1)?.end ?? 0) > 40 * TiB);
    });

    for (const format of FORMATS) {
      it(`are below 5 GiB for every item of ${format} that doesn't compress`, () => {
        const { prologue } = createCodec(format, 6);
        const largest = items.map(({ start, end }) => {
          const frames = (end - start) / FRAME_BYTES;
          return prologue.length + frames * (FRAME_BYTES + FRAME_GAIN[format]);
        });
        assert.ok(Math.max(...largest) <= PART_MAX_BYTES, `${Math.max(...largest)} bytes`);
      });
    }

    it('are above 5 MiB and below 5 GiB, whatever the items compress to', () => {
      const small = fc.nat(PART_MIN_BYTES);
      const nearTheMinimum = fc.integer({ min: PART_MIN_BYTES - 2, max: PART_MIN_BYTES + 2 });
      const any = fc.nat(PART_MAX_BYTES);
      const sizes = fc.array(fc.oneof(small, fc.nat(2_000), nearTheMinimum, any), { maxLength: 60 });
      fc.assert(
        fc.property(sizes, (bytes) => assertParts(bytes)),
        { numRuns: 1_000 },
      );
    });

    it('are above 5 MiB for the longest tape of nothing but zeros, and of every second item zeros', () => {
      assertParts(items.map(() => 1_000));
      assertParts(items.map((_, item) => (item % 2 ? PART_MAX_BYTES : 1_000)));
    });
  });

  describe('planning', () => {
    /** Two million names, and what planners write. */
    const NAMES = 2_100_000;
    let room: TempFolder;
    let temp: TempFolder;
    let redis: RedisServer;

    before(async () => {
      [room, temp, redis] = await Promise.all([roomyFolder(NAMES), tempFolder('limits'), startRedis()]);
      // The first run fills the cache of compiled code, as the first export on a machine does.
      await plan(makeFolder('nothing'));
      await emptyRedis();
    });
    after(async () => {
      await redis?.stop();
      await room?.[Symbol.asyncDispose]();
      await temp?.[Symbol.asyncDispose]();
    });

    it('40 TiB of holes takes less than 9,999 items, and less than 50 MB of Redis', async function () {
      const source = join(temp.path, 'sparse');
      const sizes = makeSparseFiles(source, 40 * TiB);
      const planning = await plan(source);
      const planned = await redisMemory('used_memory');
      const packed = await packNothing();
      const most = await redisMemory('used_memory_peak');
      report(this, {
        ...figuresOf(planning),
        'largest file': `${Math.max(...sizes) / TiB} TiB`,
        Redis: `${megabytes(planned)} planned, ${megabytes(most)} at most`,
      });
      assert.ok(planning.tapeBytes > 40 * TiB);
      assert.ok(planning.items > 9_000 && planning.items <= MAX_ITEMS, `${planning.items} items`);
      assert.equal(packed, planning.items);
      assert.ok(most < REDIS_MAX_BYTES, megabytes(most));
      assertFlat(planning);
    });

    it('two million empty files in one directory takes less than 300 MB', async function () {
      await names('fill', folder('many'), '2000000');
      const planning = await plan(folder('many'));
      report(this, figuresOf(planning));
      assert.equal(planning.files, 2_000_000);
      assertFlat(planning);
    });

    it('a million files whose other names are elsewhere takes less than 300 MB', async function () {
      await names('link', folder('many'), folder('elsewhere'), '1000000');
      assert.equal(statSync(join(folder('many'), 'f0999999')).nlink, 2);
      const planning = await plan(folder('many'));
      report(this, figuresOf(planning));
      assert.equal(planning.files, 1_000_000);
      assertFlat(planning);
    });

    const folder = (name: string) => join(room.path, name);

    function makeFolder(name: string): string {
      mkdirSync(folder(name));
      return folder(name);
    }

    async function names(...args: string[]): Promise<void> {
      const program = new URL('../fixtures/million-names.py', import.meta.url).pathname;
      await execa('python3', [program, ...args]);
    }

    let plans = 0;
    function plan(source: string): Promise<Planning> {
      const task = { source, folder: makeFolder(`plan-${++plans}`), redis: redis.url };
      return planInChild(task, folder('compile-cache'));
    }

    async function emptyRedis(): Promise<void> {
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
    }

    async function redisMemory(field: 'used_memory' | 'used_memory_peak'): Promise<number> {
      const client = new Redis(redis.url);
      const [, bytes] = new RegExp(`^${field}:(\\d+)`, 'm').exec(await client.info('memory')) ?? [];
      client.disconnect();
      return Number(bytes);
    }

    /** Does every job that waits, with a worker to which they mean nothing; says how many packs there were. */
    async function packNothing(): Promise<number> {
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      const queue = new Queue(QUEUE, { connection, prefix: PREFIX });
      let packs = 0;
      const { promise: finalized, resolve } = Promise.withResolvers<void>();
      const work = async ({ name }: Job) => {
        if (name === 'pack') packs++;
        // It comes when all packs are done.
        if (name === 'finalize') resolve();
      };
      const worker = new Worker(QUEUE, work, { connection, prefix: PREFIX, concurrency: 50 });
      await finalized;
      await worker.close();
      await queue.close();
      connection.disconnect();
      return packs;
    }
  });

  describe('an export of 200 GiB that are all but empty', () => {
    const BYTES = 200 * GiB;
    /** In the middle of a frame and of an item, and across a frame's end. */
    const DATA_OFFSET = 97 * GiB + FRAME_BYTES - 1_234_567;
    const data = randomBytes(4_500_000);
    const notes = randomBytes(3_000_000);
    let temp: TempFolder;
    let published: Published;
    let seconds: number;
    let workerPeak: number;

    before(async () => {
      temp = await tempFolder('limits');
      makeVolume(join(temp.path, 'volume'));
      await exportVolume();
      published = new Published(join(temp.path, 'archives'), { name: 'disk', format: 'tar.zst' });
    });
    after(async () => {
      published?.[Symbol.dispose]();
      await temp?.[Symbol.asyncDispose]();
    });

    it('takes less than 350 MB for each worker, and 20 MB of archive', function () {
      const { bytes } = published.manifest.archive;
      report(this, {
        seconds: seconds.toFixed(1),
        'worker RSS': megabytes(workerPeak),
        archive: megabytes(bytes),
      });
      assert.ok(workerPeak < WORKER_MAX_BYTES, megabytes(workerPeak));
      assert.equal(bytes, statSync(published.archive).size);
      assert.ok(bytes < 20 * MB, `${bytes} bytes`);
    });

    it('has a seek table that adds up to the archive and to the tape', async () => {
      const { archive, tape } = published.manifest;
      const end = published.read(archive.bytes - 2 * MB, 2 * MB);
      let raw = 0;
      let compressed = seekTableBytes(end);
      for (const frame of readSeekTable(end)) {
        raw += frame.raw;
        compressed += frame.compressed;
      }
      assert.deepEqual([compressed, raw], [archive.bytes, tape.bytes]);
      assert.equal(tape.bytes, BYTES + 3_000_320 + 4_608 + TRAILER_BYTES);
    });

    it('has a tape of that length for zstd', async () => {
      const { stdout } = await execa('zstd', ['-lv', published.archive]);
      const [, bytes] = /Decompressed Size:.*\((\d+) B\)/.exec(stdout) ?? [];
      assert.equal(Number(bytes), published.manifest.tape.bytes);
    });

    it('has an index whose frames cover tape and archive, in order', () => {
      let tapeEnd = 0;
      let archiveEnd = 0;
      for (const frame of published.frames) {
        assert.equal(frame.tape_offset, tapeEnd);
        assert.ok(frame.archive_offset >= archiveEnd);
        tapeEnd += frame.tape_bytes;
        archiveEnd = frame.archive_offset + frame.archive_bytes;
      }
      assert.equal(tapeEnd, published.manifest.tape.bytes);
    });

    it('has the data where the index says, and zeros around it', () => {
      const [disk, small] = [fileAt('disk.img'), fileAt('notes')];
      assert.equal(disk.size, BYTES);
      const around = 1_000;
      const { data_offset: start } = disk;
      const found = tapeRange(start + DATA_OFFSET - around, data.length + 2 * around);
      assert.deepEqual(found, Buffer.concat([Buffer.alloc(around), data, Buffer.alloc(around)]));
      assert.deepEqual(tapeRange(start + BYTES - FRAME_BYTES, FRAME_BYTES), Buffer.alloc(FRAME_BYTES));
      assert.deepEqual(tapeRange(small.data_offset, small.size), notes);
    });

    it("has the files' CRC-32", () => {
      const before = crc32Zeros(0, DATA_OFFSET);
      const known = crc32Combine(before, crc32(data), data.length);
      assert.equal(fileAt('disk.img').crc32, crc32Zeros(known, BYTES - DATA_OFFSET - data.length));
      assert.equal(fileAt('notes').crc32, crc32(notes));
    });

    function makeVolume(source: string): void {
      mkdirSync(source);
      const disk = join(source, 'disk.img');
      writeFileSync(disk, '');
      truncateSync(disk, BYTES);
      const file = openSync(disk, 'r+');
      writeSync(file, data, 0, data.length, DATA_OFFSET);
      closeSync(file);
      writeFileSync(join(source, 'notes'), notes);
    }

    async function exportVolume(): Promise<void> {
      const [source, archives] = [join(temp.path, 'volume'), join(temp.path, 'archives')];
      await using longshore = startExport(source, archives, {
        args: ['--name', 'disk', '--workers', '2', '--threads', '1'],
        env: { TMPDIR: temp.path },
      });
      workerPeak = 0;
      const timer = setInterval(() => {
        for (const pid of longshore.workers()) workerPeak = Math.max(workerPeak, memoryOf(pid)?.peak ?? 0);
      }, 300);
      const { exitCode, stderr, elapsed } = await longshore.finished.finally(() => clearInterval(timer));
      assert.equal(exitCode, 0, stderr);
      seconds = elapsed / 1000;
    }

    function fileAt(path: string): FileRow & { data_offset: number } {
      const row = published.files.find((file) => file.path === path);
      assert.ok(row && row.data_offset !== null, `${path} is not in the index`);
      return { ...row, data_offset: row.data_offset };
    }

    function tapeRange(start: number, bytes: number): Buffer {
      const end = start + bytes;
      const frames = published.frames.filter(
        ({ tape_offset, tape_bytes }) => tape_offset < end && tape_offset + tape_bytes > start,
      );
      const joined = Buffer.concat(frames.map((frame) => published.decode(frame)));
      return joined.subarray(start - frames[0].tape_offset).subarray(0, bytes);
    }
  });
});

/** The bytes of each part, the tail apart, of items of these sizes; asserts that S3 takes them all. */
function assertParts(sizes: readonly number[]): void {
  const { parts, tail } = layoutParts(sizes);
  let next = 0;
  for (const part of parts) {
    assert.equal(firstOf(part), next);
    next = lastOf(part) + 1;
    const bytes = bytesOf(sizes, part);
    assert.ok(bytes >= PART_MIN_BYTES && bytes <= PART_MAX_BYTES, `a part of ${bytes} bytes`);
  }
  assert.equal(next, tail);
  const rest = sizes.slice(tail).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(rest < PART_MIN_BYTES, `${rest} bytes left for the tail`);
}

const firstOf = (part: PlannedPart) => (part.kind === 'item' ? part.item : part.first);
const lastOf = (part: PlannedPart) => (part.kind === 'item' ? part.item : part.last);

function bytesOf(sizes: readonly number[], part: PlannedPart): number {
  const items = sizes.slice(firstOf(part), lastOf(part) + 1).reduce((sum, bytes) => sum + bytes, 0);
  return part.kind === 'item' ? items : items + part.padding;
}
