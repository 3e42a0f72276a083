import { pipeline } from 'node:stream/promises';

/** Writes to stdout as fast as it's read. A reader that has read enough, as `head`, is no error. */
export async function pour(source: AsyncIterable<string | Uint8Array>): Promise<void> {
  try {
    await pipeline(source, process.stdout, { end: false });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
}
