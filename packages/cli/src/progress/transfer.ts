import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import type { View } from './view.ts';

/** How far bytes of a known number are. */
export interface Transfer {
  bytes: number;
  doneBytes: number;
  /** Those of `doneBytes` that were there before this run. */
  keptBytes: number;
}

/** `412 MB of 1.2 GB, 82 MB/s, 12s left`. */
function describe({ bytes, doneBytes, keptBytes }: Transfer, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? Math.max(0, ((doneBytes - keptBytes) / elapsedMs) * 1_000) : 0;
  const words = [`${prettyBytes(doneBytes)} of ${prettyBytes(bytes)}`, `${prettyBytes(rate)}/s`];
  if (rate > 0) words.push(`${prettyMs(((bytes - doneBytes) / rate) * 1_000, { compact: true })} left`);
  return words.join(', ');
}

/** How a download is shown. */
export const TRANSFER_VIEW: View<Transfer> = {
  begins: 'Beginning',
  share: ({ bytes, doneBytes }) => (bytes === 0 ? 1 : Math.min(1, doneBytes / bytes)),
  describe,
};
