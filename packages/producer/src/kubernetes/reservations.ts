import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ProducerError } from '../error.ts';
import type { Idempotency } from '../records/record-store.ts';

/** Names a resource. */
export interface Address {
  namespace: string;
  name: string;
}

export interface Reservation extends Address {
  /** Of the resource that was made for it. */
  made?: string;
}

/** How long an idempotency key is remembered. */
const REMEMBERED_MS = 24 * 3_600_000;

/**
 * Which resource an idempotency key is about. A name is reserved before the resource is made, so that the same
 * request, whoever serves it and whatever dies between, makes the resource of that name or finds it there.
 */
export class Reservations {
  readonly #redis: Redis;
  readonly #root: string;

  constructor(redis: Redis, root: string) {
    this.#redis = redis;
    this.#root = root;
  }

  /** Rejects with IDEMPOTENCY_MISMATCH where the key came with another request. */
  async reserve(idempotency: Idempotency, address: Address): Promise<Reservation> {
    const { digest } = idempotency;
    const wanted = JSON.stringify({ ...address, digest });
    const before = await this.#redis.set(this.#keyOf(idempotency), wanted, 'PX', REMEMBERED_MS, 'NX', 'GET');
    if (before === null) return address;
    const known: Address & { digest: string; made?: string } = JSON.parse(before);
    if (known.digest === digest) return known;
    const message = `This Idempotency-Key began the export ${known.namespace}/${known.name} with another request: choose another key.`;
    throw new ProducerError('IDEMPOTENCY_MISMATCH', message);
  }

  /** Of a name that couldn't be had. */
  async release(idempotency: Idempotency): Promise<void> {
    await this.#redis.del(this.#keyOf(idempotency));
  }

  async confirm(idempotency: Idempotency, made: string): Promise<void> {
    const key = this.#keyOf(idempotency);
    const known = await this.#redis.get(key);
    if (known) await this.#redis.set(key, JSON.stringify({ ...JSON.parse(known), made }), 'KEEPTTL', 'XX');
  }

  #keyOf({ caller, key }: Idempotency): string {
    return `${this.#root}${requestDigest({ caller, key })}`;
  }
}

/** Marks the resource of a request: whoever finds it there knows that it's the same request's. */
export function requestDigest({ caller, key }: Pick<Idempotency, 'caller' | 'key'>): string {
  return createHash('sha256').update(`${caller}\0${key}`).digest('hex');
}
