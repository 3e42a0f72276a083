import { PREFIX, type RedisAddress } from '@longshore/shared';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueAccess } from '../end-export.ts';
import { addressFor, queueOf, type RedisUsers } from './redis-users.ts';

export interface ExportQueuesOptions {
  redis: RedisAddress;
  users: RedisUsers;
  connect(address: RedisAddress): Redis;
}

interface OpenQueue {
  access: Promise<QueueAccess>;
  /** How often `tidy` has looked since somebody asked for it. */
  looks: number;
}

/** A step that has just begun may be the first to know of an export. */
const LOOKS_WHEN_OVER = 2;

/** One that is suspended needs no connection; the longest step should still find its own open. */
const LOOKS_WHEN_IDLE = 10;

/** What Redis says to a user that it doesn't have any more. */
const USER_GONE = /^(WRONGPASS|NOAUTH)/;

/**
 * The connections to exports' queues, each as the export's user. Every producer has its own, and any of them may end an
 * export and take its user away: those of the others are closed as soon as Redis refuses them, and the user is made
 * again by whoever needs the queue next.
 */
export class ExportQueues implements AsyncDisposable {
  readonly #options: ExportQueuesOptions;
  readonly #open = new Map<string, OpenQueue>();

  constructor(options: ExportQueuesOptions) {
    this.#options = options;
  }

  /** The export's queue; its user is made where it's opened. Rejects where Redis refuses that. */
  get(id: string): Promise<QueueAccess> {
    const known = this.#open.get(id);
    if (known) {
      known.looks = 0;
      return known.access;
    }
    const forget = () => this.#forget(id, open);
    const open: OpenQueue = { access: this.#connect(id, forget), looks: 0 };
    this.#open.set(id, open);
    open.access.catch(forget);
    return open.access;
  }

  async close(id: string): Promise<void> {
    const open = this.#open.get(id);
    this.#open.delete(id);
    const access = await open?.access.catch(() => undefined);
    if (access?.redis.status === 'ready') await access.queue.close();
    access?.redis.disconnect();
  }

  /** Closes what nobody has asked for since some looks ago: `live` are the exports that aren't over. */
  async tidy(live: ReadonlySet<string>): Promise<void> {
    for (const [id, open] of [...this.#open]) {
      open.looks++;
      if (open.looks >= (live.has(id) ? LOOKS_WHEN_IDLE : LOOKS_WHEN_OVER)) await this.close(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.close(id)));
  }

  async #connect(id: string, onUserGone: () => void): Promise<QueueAccess> {
    const { users, redis: address, connect } = this.#options;
    await users.ensure(id);
    const redis = connect(addressFor(address, { username: queueOf(id), password: users.passwordOf(id) }));
    // The reconciler says it, once.
    redis.on('error', (error) => {
      if (!USER_GONE.test(error.message)) return;
      onUserGone();
      redis.disconnect();
    });
    const queue = new Queue(queueOf(id), { connection: redis, prefix: PREFIX });
    queue.on('error', () => undefined);
    return { queue, redis };
  }

  /** Unless it was opened anew meanwhile. */
  #forget(id: string, open: OpenQueue): void {
    if (this.#open.get(id) === open) this.#open.delete(id);
  }
}
