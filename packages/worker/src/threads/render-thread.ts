import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { CLOSE, type Codec, createCodec, FRAME_BYTES, renderItem, Volume } from '@longshore/tape';
import { WorkerError } from '../error.ts';
import { FileOutput, type ItemOutput, MemoryOutput, OutputError } from './output.ts';
import { OutputMemory } from './output-memory.ts';
import type { RenderReply, RenderTask, RenderThreadData } from './protocol.ts';

/** Exports whose volume a thread keeps open, and with it the identity of its root: more than run at a time. */
const MAX_VOLUMES = 16;

/**
 * A thread that renders and compresses items, one after the other, synchronously: small reads are several
 * times faster so than through the event loop's pool.
 */
class RenderThread {
  #stop: Int32Array;
  #memory: OutputMemory;
  #owner: number;
  #raw = Buffer.alloc(FRAME_BYTES);
  #volumes = new Map<string, Volume>();
  #codec: Codec | undefined;

  constructor({ stop, memory, owner }: RenderThreadData) {
    this.#stop = new Int32Array(stop);
    this.#memory = new OutputMemory(memory);
    this.#owner = owner;
  }

  handle(task: RenderTask): RenderReply {
    try {
      return this.#render(task);
    } catch (error) {
      if (error instanceof OutputError)
        return { kind: 'unwritable', errno: error.errno, message: error.message };
      return { kind: 'failed', reason: formatFailure(failureOf(error)) };
    }
  }

  #render(task: RenderTask): RenderReply {
    using output = this.#outputOf(task);
    const codec = this.#codecOf(task);
    if (task.range.start === 0) output.frame(codec.prologue);
    const sink = { frame: (compressed: Buffer) => this.#take(compressed, output) };
    const item = renderItem({ ...task, codec, volume: this.#volume(task), raw: this.#raw, sink });
    const { bytes, crc32: archiveCrc32 } = output;
    const rendered = { ...item, bytes, archiveCrc32, sha256: output.sha256() };
    return { kind: 'rendered', rendered, blocks: output.handOver() };
  }

  #outputOf(task: RenderTask): ItemOutput {
    const { output } = task;
    if (output.kind === 'file') return new FileOutput(output.path, task);
    const look = () => this.#expectToGoOn();
    return new MemoryOutput({ memory: this.#memory, owner: this.#owner, look }, task);
  }

  #take(compressed: Buffer, output: ItemOutput): void {
    this.#expectToGoOn();
    output.frame(compressed);
  }

  #expectToGoOn(): void {
    if (Atomics.load(this.#stop, 0)) throw new WorkerError('STOPPED', 'The attempt was ended.');
  }

  /** The last item's, mostly: it has a frame of zeros by now, which takes as long to make as a frame of anything. */
  #codecOf({ format, level }: RenderTask): Codec {
    if (this.#codec?.format !== format || this.#codec.level !== level)
      this.#codec = createCodec(format, level);
    return this.#codec;
  }

  /** Opened once per export, so that a volume that is replaced meanwhile is told from the one it began with. */
  #volume(task: RenderTask): Volume {
    const known = this.#volumes.get(task.export);
    if (known) return known;
    if (this.#volumes.size >= MAX_VOLUMES) this.#forgetOldest();
    const volume = Volume.open(task.volume);
    this.#volumes.set(task.export, volume);
    return volume;
  }

  #forgetOldest(): void {
    for (const [id, volume] of this.#volumes) {
      volume[Symbol.dispose]();
      this.#volumes.delete(id);
      return;
    }
  }
}

function main(port: MessagePort): void {
  const thread = new RenderThread(workerData as RenderThreadData);
  port.on('message', (message: RenderTask | typeof CLOSE) => {
    if (message === CLOSE) {
      port.close();
      return;
    }
    port.postMessage(thread.handle(message));
  });
}

if (parentPort) main(parentPort);
