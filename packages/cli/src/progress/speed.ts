import type { Counters } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';

/**
 * Share of the tape that is packed, 0 to 1, of what is planned so far. A planner that starts again counts that
 * from the start, and then more may be packed than planned.
 */
export function share({ doneTapeBytes, tapeBytes }: Counters): number {
  return tapeBytes === 0 ? 0 : Math.min(1, doneTapeBytes / tapeBytes);
}

/** `412 MB of 1.2 GB, 3,400 files, 82 MB/s, 12s left`. A total that still grows has a `+`. */
export function describe(counters: Counters, elapsedMs: number): string {
  const { doneTapeBytes, tapeBytes, files, planned } = counters;
  const rate = elapsedMs > 0 ? (doneTapeBytes / elapsedMs) * 1_000 : 0;
  const growing = planned ? '' : '+';
  const words = [
    `${prettyBytes(doneTapeBytes)} of ${prettyBytes(tapeBytes)}${growing}`,
    `${files.toLocaleString('en')}${growing} files`,
    `${prettyBytes(rate)}/s`,
  ];
  if (planned && rate > 0)
    words.push(`${prettyMs(((tapeBytes - doneTapeBytes) / rate) * 1_000, { compact: true })} left`);
  return words.join(', ');
}
