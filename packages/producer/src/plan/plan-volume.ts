import { createHash } from 'node:crypto';
import { on } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Worker as Thread } from 'node:worker_threads';
import { type Order, type PlannedRoot, RelayedError, workArea } from '@longshore/shared';
import { putMarked, type Store, StoreError } from '@longshore/store';
import { endThread } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import { expectSameRoot } from './expect-same-root.ts';
import type { PlannedSegment } from './planner.ts';
import {
  type PlanThreadData,
  type PlanThreadMessage,
  type PlanThreadReply,
  STOP,
  WAITING,
} from './protocol.ts';

/** An item that is ready to be packed: its segment is durable. */
export interface DurableSegment {
  item: number;
  start: number;
  end: number;
  digest: string;
  filesSoFar: number;
  last: boolean;
}

export interface PlanVolumeOptions {
  order: Order;
  store: Store;
  /** The volume's path on this worker. */
  volume: string;
  /** An empty local folder, which the caller removes. */
  spool: string;
  signal: AbortSignal;
}

/**
 * Plans a volume: yields every item once its catalog segment stands in the work area, those first that an
 * earlier planner left there. Segments become durable in order, so that what is durable is always a prefix
 * of the tape, and are created only where absent, so that of two planners at once one wins each segment.
 * Rejects with VOLUME_GONE where the volume isn't the one that an earlier planner saw, and with PLAN_OVERTAKEN
 * where another planner's segment differs from ours; planning again goes on from that.
 */
export async function* planVolume(options: PlanVolumeOptions): AsyncGenerator<DurableSegment> {
  await using thread = await PlanThread.start(options);
  await expectSameRoot(options, thread.root);
  let item = 0;
  for await (const copy of durableCopies(options)) {
    const place = await thread.replay(copy);
    await rm(copy.file);
    yield { item: item++, digest: copy.digest, ...place };
    if (place.last) return;
  }
  for await (const segment of thread.run()) {
    await makeDurable(options, segment);
    await rm(segment.file);
    const { item, start, end, digest, filesSoFar, last } = segment;
    yield { item, start, end, digest, filesSoFar, last };
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Local copies of the segments that are durable without a gap, from item 0 on; the caller removes each. */
async function* durableCopies({ order, store, spool, signal }: PlanVolumeOptions) {
  const area = workArea(order.id);
  let item = 0;
  for await (const { key } of store.list(area.catalog, { signal })) {
    if (key !== area.segment(item)) return;
    const file = join(spool, `durable-${item++}`);
    await pipeline(await store.get(key, { signal }), createWriteStream(file));
    yield { file, digest: await digestOf(file) };
  }
}

async function makeDurable(
  { order, store, signal }: PlanVolumeOptions,
  segment: PlannedSegment,
): Promise<void> {
  const area = workArea(order.id);
  const key = area.segment(segment.item);
  const { file, bytes, digest } = segment;
  const body = { file, offset: 0, bytes, sha256: digest };
  try {
    await putMarked(store, { key, marker: area.order, body }, { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'ALREADY_EXISTS') throw error;
    await adopt({ store, key, digest, signal });
  }
}

/** Accepts a segment that stands there already only if it is the very one that we planned. */
async function adopt(options: {
  store: Store;
  key: string;
  digest: string;
  signal: AbortSignal;
}): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(await options.store.get(options.key, options), hash);
  if (hash.digest('hex') === options.digest) return;
  throw new ProducerError(
    'PLAN_OVERTAKEN',
    `Another planner wrote ${options.key}; planning goes on from there.`,
  );
}

/**
 * MB for what a walk throws away again. An entry lives for microseconds; with V8's own choice a walk of two
 * million files took 50 MB more, and not a second less.
 */
const YOUNG_MB = 8;

function startThread(workerData: PlanThreadData): Thread {
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
  return new Thread(new URL('./plan-thread.ts', import.meta.url), { workerData, resourceLimits });
}

/** The main thread's end of plan-thread.ts. */
class PlanThread implements AsyncDisposable {
  #thread: Thread;
  #state: Int32Array<SharedArrayBuffer>;
  #replies: AsyncIterator<[PlanThreadReply]>;
  #signal: AbortSignal;
  #root: PlannedRoot | undefined;

  static async start({ order, volume, spool, signal }: PlanVolumeOptions): Promise<PlanThread> {
    const control = new SharedArrayBuffer(8);
    const workerData: PlanThreadData = { volume, exclude: order.exclude, spool, control };
    const thread = new PlanThread(startThread(workerData), { control, signal });
    try {
      thread.#root = (await thread.#reply('ready')).root;
      return thread;
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    }
  }

  constructor(thread: Thread, { control, signal }: { control: SharedArrayBuffer; signal: AbortSignal }) {
    this.#thread = thread;
    this.#signal = signal;
    this.#state = new Int32Array(control);
    this.#replies = on(thread, 'message', { signal, close: ['exit'] }) as AsyncIterator<[PlanThreadReply]>;
  }

  /** What the thread opened. */
  get root(): PlannedRoot {
    if (!this.#root) throw new ProducerError('PLANNER_DIED', 'The planning thread has opened no volume.');
    return this.#root;
  }

  async replay(copy: { file: string; digest: string }) {
    this.#send({ kind: 'replay', ...copy });
    const { kind: _, ...place } = await this.#reply('replayed');
    return place;
  }

  async *run(): AsyncGenerator<PlannedSegment> {
    this.#send({ kind: 'run' });
    for (;;) {
      const reply = await this.#reply('segment', 'finished');
      if (reply.kind === 'finished') return;
      yield reply.segment;
      Atomics.sub(this.#state, WAITING, 1);
      Atomics.notify(this.#state, WAITING);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#state, STOP, 1);
    Atomics.notify(this.#state, WAITING);
    await this.#replies.return?.();
    await endThread(this.#thread);
  }

  #send(message: PlanThreadMessage): void {
    this.#thread.postMessage(message);
  }

  async #reply<Kind extends PlanThreadReply['kind']>(
    ...kinds: Kind[]
  ): Promise<Extract<PlanThreadReply, { kind: Kind }>> {
    const reply = await this.#next();
    if (reply?.kind === 'failed') throw new RelayedError(reply.reason);
    if (!isOneOf(reply, kinds))
      throw new ProducerError('PLANNER_DIED', 'The planning thread ended unexpectedly.');
    return reply;
  }

  /** Undefined where the thread ended instead. */
  async #next(): Promise<PlanThreadReply | undefined> {
    try {
      const next = await this.#replies.next();
      return next.done ? undefined : next.value[0];
    } catch (cause) {
      this.#signal.throwIfAborted();
      throw new ProducerError('PLANNER_DIED', 'The planning thread died.', { cause });
    }
  }
}

function isOneOf<Kind extends PlanThreadReply['kind']>(
  reply: PlanThreadReply | undefined,
  kinds: Kind[],
): reply is Extract<PlanThreadReply, { kind: Kind }> {
  return reply !== undefined && kinds.some((kind) => kind === reply.kind);
}
