import { type Cipheriv, createCipheriv, createHash } from 'node:crypto';
import { seededRandom } from '../../test/fixtures/random-tree.ts';

/** Choices that are the same for the same seed. */
export class Seeded {
  readonly #random: () => number;

  constructor(seed: string) {
    this.#random = seededRandom(createHash('sha256').update(seed).digest().readUInt32LE());
  }

  /** In [0, 1). */
  next(): number {
    return this.#random();
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** As `pick`, but the first ones far more often than the last ones, as names in the world are. */
  favour<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() ** 3 * list.length)];
  }

  /** Log-normal, as the sizes of files are: half are below `median`. */
  size({ median, spread, max }: { median: number; spread: number; max: number }): number {
    // Box and Muller's way from two even numbers to one that is normal; 1 - x is never 0.
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return Math.min(max, Math.max(1, Math.round(median * Math.exp(spread * normal))));
  }

  /** So many hexadecimal digits, 32 bits at a time. */
  hex(digits: number): string {
    let text = '';
    while (text.length < digits)
      text += this.below(2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, digits);
  }
}

/** Bytes that don't compress: what AES-CTR makes of zeros, which is as quick as a disk. */
export class Noise {
  readonly #cipher: Cipheriv;

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest().subarray(0, 16);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  take(bytes: number): Buffer {
    return this.#cipher.update(Buffer.alloc(bytes));
  }
}
