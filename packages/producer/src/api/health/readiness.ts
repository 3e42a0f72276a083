import { PREFIX } from '@longshore/shared';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ProducerError } from '../../error.ts';
import { withinTime } from '../within-time.ts';

/** The key is there for that long: nothing stays when nobody asks any more. */
const KEY_MS = 10_000;

/** Whether requests can be served: Redis answers, and takes writes. */
export class Readiness {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #ms: number;
  #check: Promise<unknown> | undefined;
  #isClosing = false;

  constructor({ redis, queue, ms }: { redis: Redis; queue: Queue; ms: number }) {
    this.#redis = redis;
    this.#key = `${PREFIX}:${queue.name}:longshore:ready`;
    this.#ms = ms;
  }

  /** From now on new requests are for others. */
  close(): void {
    this.#isClosing = true;
  }

  /** Rejects with NOT_READY. */
  async expect(): Promise<void> {
    if (this.#isClosing) throw new ProducerError('NOT_READY', 'The server is shutting down.');
    const message = `Redis didn't answer within ${this.#ms / 1_000} s.`;
    await withinTime(this.#write(), { ms: this.#ms, code: 'NOT_READY', message });
  }

  /** One write at a time, for all who ask: while Redis is away they would pile up, to be sent when it's back. */
  async #write(): Promise<void> {
    this.#check ??= this.#redis.set(this.#key, '', 'PX', KEY_MS).finally(() => {
      this.#check = undefined;
    });
    try {
      await this.#check;
    } catch (cause) {
      throw new ProducerError('NOT_READY', "Redis doesn't take writes.", { cause });
    }
  }
}
