import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';

const PIECE_BYTES = 65_536;

/**
 * Reads under way in this process. The event loop answers all that are done in one turn: with each of 200 downloads
 * reading, as read streams of `fs` do, a turn took 66 to 118 ms; with 24 reads it takes 36 ms, at 95 % of the speed.
 */
const READS_AT_ONCE = 24;

const reading = pLimit(READS_AT_ONCE);

export interface FileRange {
  start: number;
  /** Exclusive; where the file ends before, so does the stream. */
  end: number;
  signal?: AbortSignal;
}

/** A file's bytes; the stream closes its handle. */
export function readRange(handle: FileHandle, { start, end, signal }: FileRange): Readable {
  let position = start;
  const readPiece = async (stream: Readable): Promise<Buffer | undefined> => {
    const bytes = Math.min(PIECE_BYTES, end - position);
    if (bytes <= 0 || stream.destroyed) return undefined;
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(bytes), 0, bytes, position);
    position += bytesRead;
    return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
  };
  return new Readable({
    highWaterMark: PIECE_BYTES,
    signal,
    read() {
      reading(readPiece, this).then(
        (piece) => this.push(piece ?? null),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      handle.close().then(
        () => callback(error),
        (failure: Error) => callback(error ?? failure),
      );
    },
  });
}
