import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker as Thread } from 'node:worker_threads';
import { isLongshoreError } from '@longshore/shared';
import { randomBytes, seededRandom } from '../../../test/fixtures/random-tree.ts';
import { bindfsServer, Mounts } from '../../../test/harness/mounts.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { BLOCK_BYTES, OutputMemory } from '../src/threads/output-memory.ts';
import type { RenderTask } from '../src/threads/protocol.ts';
import { RenderThreads } from '../src/threads/render-threads.ts';
import { taskOf } from './render-task.ts';
import { until } from './until.ts';

const isCode = (code: string) => (error: unknown) => isLongshoreError(error) && error.code === code;
const never = new AbortController().signal;

describe('render threads', () => {
  let temp: TempFolder;
  let volume: string;
  let memory: OutputMemory;
  let threads: RenderThreads;
  /** The threads themselves, in the order of their start. */
  let started: Thread[];
  const onThread = (thread: Thread) => started.push(thread);

  beforeEach(async () => {
    temp = await tempFolder('render-threads');
    volume = join(temp.path, 'volume');
    mkdirSync(volume);
    started = [];
    process.on('worker', onThread);
    memory = OutputMemory.reserve({ maxBytes: 2 ** 30, enoughBytes: 2 ** 30 });
    threads = new RenderThreads(2, memory);
  });
  afterEach(async () => {
    process.off('worker', onThread);
    await threads[Symbol.asyncDispose]();
    // A thread that was left behind has its blocks until it ends.
    await until(() => memory.blocksInUse === 0);
    await temp[Symbol.asyncDispose]();
  });

  function fill(bytes: number, seed = 1): RenderTask {
    writeFileSync(join(volume, 'file'), randomBytes(seededRandom(seed), bytes));
    return taskOf(volume, temp.path);
  }

  /** An item of holes that takes minutes: the whole tape of a large file, compressed as well as it goes. */
  function endless(): RenderTask {
    writeFileSync(join(volume, 'file'), '');
    truncateSync(join(volume, 'file'), 8 * 2 ** 40);
    return taskOf(volume, temp.path);
  }

  const sha256 = (...chunks: Uint8Array[]) => {
    const hash = createHash('sha256');
    for (const chunk of chunks) hash.update(chunk);
    return hash.digest('hex');
  };

  async function render(task: RenderTask): Promise<string> {
    using output = await threads.render(task, never);
    assert.equal(
      output.rendered.bytes,
      output.chunks.reduce((sum, { length }) => sum + length, 0),
    );
    assert.equal(output.rendered.sha256, sha256(...output.chunks));
    return output.rendered.sha256;
  }

  it('render items, more at a time than there are threads, to the same bytes', async () => {
    const task = fill(3_000_000);
    const hashes = await Promise.all(Array.from({ length: 7 }, () => render(task)));
    assert.equal(new Set(hashes).size, 1);
    assert.equal(started.length, 2);
  });

  it('give an item of any size in memory', async () => {
    const full = BLOCK_BYTES - 1_024;
    for (const bytes of [0, 1, full, full + 1, 2 * BLOCK_BYTES, 30_000_000]) await render(fill(bytes));
  });

  it('write an item into a file where they are told to', async () => {
    const path = join(temp.path, 'output');
    const task: RenderTask = { ...fill(1_000_000), output: { kind: 'file', path } };
    using output = await threads.render(task, never);
    assert.deepEqual(output.chunks, []);
    assert.equal(output.rendered.sha256, sha256(readFileSync(path)));
  });

  it('leave hashing where nobody wants it', async () => {
    using output = await threads.render({ ...fill(1_000), payloadHash: 'none' }, never);
    assert.equal(output.rendered.sha256, undefined);
  });

  it('fail with the code of what went wrong, and go on', async () => {
    const task = fill(1_000);
    await assert.rejects(threads.render({ ...task, segment: '/nowhere' }, never), isCode('INTERNAL'));
    await assert.rejects(
      threads.render({ ...task, volume: '/nowhere', export: 'b' }, never),
      isCode('VOLUME_MISSING'),
    );
    await assert.rejects(
      threads.render({ ...task, range: { start: 0, end: 1e9 } }, never),
      isCode('CORRUPT'),
    );
    await render(task);
  });

  it('know the volume that an export began with from another in its place', async () => {
    const task = fill(1_000);
    await Promise.all([render(task), render(task)]);
    renameSync(volume, join(temp.path, 'elsewhere'));
    mkdirSync(volume);
    await assert.rejects(threads.render(fill(1_000), never), isCode('VOLUME_GONE'));
  });

  it('take memory for the items that they render at a time, however many there are', async () => {
    const task = fill(40_000_000);
    for (let round = 0; round < 6; round++) await Promise.all([render(task), render(task)]);
    assert.ok(memory.byteLength <= 2 * 10 * BLOCK_BYTES, `${memory.byteLength}`);
  });

  describe('with enough in memory', () => {
    let few: RenderThreads;
    let little: OutputMemory;

    beforeEach(() => {
      little = OutputMemory.reserve({ maxBytes: 2 ** 30, enoughBytes: 3 * BLOCK_BYTES });
      few = new RenderThreads(1, little);
    });
    afterEach(() => few[Symbol.asyncDispose]());

    it('wait until something was uploaded', async () => {
      const task = fill(10_000_000);
      const uploading = await few.render(task, never);
      let isRendered = false;
      const rendering = few.render(task, never).finally(() => {
        isRendered = true;
      });
      await delay(500);
      assert.ok(!isRendered && little.blocksInUse <= 3);
      const bytes = Buffer.concat(uploading.chunks);
      uploading[Symbol.dispose]();
      using output = await rendering;
      assert.ok(Buffer.concat(output.chunks).equals(bytes));
    });

    it('are stopped while they wait', async () => {
      using _ = await few.render(fill(10_000_000), never);
      const reason = new Error('enough');
      const controller = new AbortController();
      const rendering = few.render(fill(10_000_000), controller.signal);
      setTimeout(() => controller.abort(reason), 300);
      await assert.rejects(rendering, (error) => error === reason);
      // The thread itself: one that is left behind is replaced by another.
      assert.equal(started.length, 3);
    });
  });

  describe('that are told to stop', () => {
    const reason = new Error('enough');
    const isReason = (error: unknown) => error === reason;

    it('do so at once, and render the next item', async () => {
      const controller = new AbortController();
      const path = join(temp.path, 'output');
      const rendering = threads.render({ ...endless(), output: { kind: 'file', path } }, controller.signal);
      await until(async () => (await readdir(temp.path)).includes('output'));
      const told = performance.now();
      controller.abort(reason);
      await assert.rejects(rendering, isReason);
      assert.ok(performance.now() - told < 1_000);
      await render(fill(1_000));
      assert.equal(started.length, 2);
    });

    it('do so while a task waits for a thread, and give the next one its turn', async () => {
      const busy = new AbortController();
      const waiting = new AbortController();
      const task = endless();
      const both = [threads.render(task, busy.signal), threads.render(task, busy.signal)];
      const third = threads.render(task, waiting.signal);
      waiting.abort(reason);
      await assert.rejects(third, isReason);
      const small = { ...task, range: { start: 0, end: 512 } };
      const fourth = threads.render(small, never);
      busy.abort(reason);
      for (const rendering of both) await assert.rejects(rendering, isReason);
      using output = await fourth;
      assert.equal(output.rendered.bytes, 512);
    });

    it('do so when they have just done it, and keep nothing', async () => {
      const controller = new AbortController();
      const rendering = threads.render(fill(5_000_000), controller.signal);
      for (const thread of started) thread.on('message', () => controller.abort(reason));
      await assert.rejects(rendering, isReason);
      assert.equal(memory.blocksInUse, 0);
    });

    it('do so before they begin', async () => {
      await assert.rejects(threads.render(fill(1_000), AbortSignal.abort(reason)), isReason);
      await render(fill(1_000));
    });

    it('are left behind where a read has no end, and replaced', async () => {
      using mounts = new Mounts();
      const task = fill(20_000_000);
      const point = join(temp.path, 'mount');
      mkdirSync(point);
      mounts.bindfs(volume, point);
      const stuck = taskOf(point, temp.path);
      const server = bindfsServer(point);
      process.kill(server, 'SIGSTOP');
      try {
        const controller = new AbortController();
        const rendering = threads.render(stuck, controller.signal);
        controller.abort(reason);
        await assert.rejects(rendering, isReason);
        await Promise.all([render(task), render(task), render(task)]);
      } finally {
        process.kill(server, 'SIGCONT');
      }
      assert.equal(started.length, 3);
    });
  });

  describe('that die', () => {
    it('while they render fail their item, and the next one has a thread', async () => {
      const rendering = Promise.allSettled([
        threads.render(endless(), never),
        threads.render(endless(), never),
      ]);
      await Promise.all(started.map((thread) => thread.terminate()));
      for (const outcome of await rendering)
        assert.ok(outcome.status === 'rejected' && isCode('THREAD_DIED')(outcome.reason));
      rmSync(join(volume, 'file'));
      const task = fill(1_000);
      await Promise.all([render(task), render(task)]);
      assert.equal(started.length, 4);
    });

    it('after they rendered an item leave it as it is', async () => {
      using output = await threads.render(fill(9_000_000), never);
      const rendered = Buffer.concat(output.chunks);
      await Promise.all(started.map((thread) => thread.terminate()));
      const other = fill(9_000_000, 2);
      await Promise.all([render(other), render(other)]);
      assert.ok(Buffer.concat(output.chunks).equals(rendered));
      assert.equal(memory.blocksInUse, output.chunks.length);
    });

    it('while they are idle aren’t given an item', async () => {
      const task = fill(1_000);
      await Promise.all(started.map((thread) => thread.terminate()));
      await Promise.all([render(task), render(task), render(task)]);
      assert.equal(started.length, 4);
    });
  });

  it('that are disposed of end what they render, and what waits for them', async () => {
    const task = endless();
    const rendering = Promise.allSettled([1, 2, 3].map(() => threads.render(task, never)));
    await threads[Symbol.asyncDispose]();
    for (const outcome of await rendering)
      assert.ok(outcome.status === 'rejected' && isCode('THREAD_DIED')(outcome.reason));
    await assert.rejects(threads.render(task, never), isCode('THREAD_DIED'));
    assert.equal(started.length, 2);
  });
});
