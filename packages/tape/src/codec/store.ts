import type { Codec } from './codec.ts';
import { zeroBytes } from './zeros.ts';

/** `tar`: the tape itself. No item but the last can be a runt, so that no padding is ever wanted. */
export class StoreCodec implements Codec {
  readonly format = 'tar';
  readonly level = 0;
  readonly prologue = Buffer.alloc(0);
  readonly paddingUnit = 0;

  /** `raw` itself. */
  compress(raw: Buffer): Buffer {
    return raw;
  }

  zeros(bytes: number): Buffer {
    return zeroBytes(bytes);
  }

  padding(bytes: number): Iterable<Buffer> {
    if (bytes > 0) throw new RangeError('A plain tar has no padding: every byte of it is the tape.');
    return [];
  }

  tail(): Iterable<Buffer> {
    return [];
  }
}
