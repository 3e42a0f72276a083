import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { CLOSE, createCodec, FRAME_BYTES, renderItem, TapeError, Volume } from '@longshore/tape';
import {
  FREE,
  SLOTS,
  STOP,
  type TransferReply,
  type TransferTask,
  type TransferThreadData,
} from './transfer-protocol.ts';

const CODEC = createCodec('tar', 0);

/** A stop is notified; this is for one that comes between looking and waiting. */
const LOOK_AGAIN_MS = 1_000;

/**
 * A thread that renders ranges of a volume's tape, one after the other, as fast as their reader takes them: it waits
 * while all of its slots are full. What it gives was as planned when it was read, and right after that.
 */
class TransferThread {
  #slots: Buffer[];
  #state: Int32Array<SharedArrayBuffer>;
  #raw = Buffer.alloc(FRAME_BYTES);
  #next = 0;
  #reply: (reply: TransferReply) => void;

  constructor({ buffer, control }: TransferThreadData, reply: (reply: TransferReply) => void) {
    this.#slots = Array.from({ length: SLOTS }, (_, slot) =>
      Buffer.from(buffer, slot * FRAME_BYTES, FRAME_BYTES),
    );
    this.#state = new Int32Array(control);
    this.#reply = reply;
  }

  run(task: TransferTask): void {
    this.#next = 0;
    try {
      this.#render(task);
      this.#reply({ kind: 'finished' });
    } catch (error) {
      const drift = error instanceof TapeError ? error.drift : undefined;
      this.#reply({ kind: 'failed', reason: formatFailure(failureOf(error)), drift });
    }
  }

  #render({ volume: path, root, folder, pieces, trailer }: TransferTask): void {
    using volume = Volume.open(path);
    const sink = { frame: (bytes: Buffer) => this.#give(bytes) };
    const common = { volume, root, sink, codec: CODEC, raw: this.#raw };
    for (const { item, start, end } of pieces) {
      const segment = join(folder, `segment-${item}`);
      renderItem({ ...common, segment, range: { start, end }, onChange: 'fail', ioErrors: 'retry-item' });
    }
    if (trailer > 0) this.#give(Buffer.alloc(trailer));
  }

  #give(bytes: Buffer): void {
    const slot = this.#next;
    this.#take();
    this.#next = (slot + 1) % SLOTS;
    bytes.copy(this.#slots[slot]);
    this.#reply({ kind: 'filled', slot, bytes: bytes.length });
  }

  /** Waits until a slot is free. They are filled and become free in the same order. */
  #take(): void {
    for (;;) {
      if (Atomics.load(this.#state, STOP)) throw new Error('the transfer was ended');
      if (Atomics.load(this.#state, FREE) > 0) break;
      Atomics.wait(this.#state, FREE, 0, LOOK_AGAIN_MS);
    }
    Atomics.sub(this.#state, FREE, 1);
  }
}

function main(port: MessagePort): void {
  const thread = new TransferThread(workerData as TransferThreadData, (reply) => port.postMessage(reply));
  port.on('message', (message: TransferTask | typeof CLOSE) => {
    if (message === CLOSE) port.close();
    else thread.run(message);
  });
}

if (parentPort) main(parentPort);
