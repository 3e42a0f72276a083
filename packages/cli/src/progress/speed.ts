import type { Counters, Phase } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import { oneLine } from '../output/one-line.ts';
import type { View } from './view.ts';

/**
 * Share of the tape that is packed, 0 to 1, of what is planned so far. A planner that starts again counts that
 * from the start, and then more may be packed than planned.
 */
export function share({ doneTapeBytes, tapeBytes }: Counters): number {
  return tapeBytes === 0 ? 0 : Math.min(1, doneTapeBytes / tapeBytes);
}

/** How far an export is, and what a server knows besides: without its rate, the average since the start counts. */
export interface Progress extends Counters {
  bytesPerSecond?: number;
  phase?: Phase;
  /** What has to pass before the export goes on. */
  waitingFor?: string;
}

/** The phases that the numbers speak for. */
const USUAL_PHASES: ReadonlySet<Phase | undefined> = new Set<Phase | undefined>([
  undefined,
  'Planning',
  'Packing',
]);

/** `412 MB of 1.2 GB, 3,400 files, 82 MB/s, 12s left`. A total that still grows has a `+`; another phase comes first. */
export function describe(progress: Progress, elapsedMs: number): string {
  const { doneTapeBytes, tapeBytes, files, planned } = progress;
  const average = elapsedMs > 0 ? (doneTapeBytes / elapsedMs) * 1_000 : 0;
  const rate = progress.bytesPerSecond ?? average;
  const growing = planned ? '' : '+';
  const words = [
    `${prettyBytes(doneTapeBytes)} of ${prettyBytes(tapeBytes)}${growing}`,
    `${files.toLocaleString('en')}${growing} files`,
    `${prettyBytes(rate)}/s`,
  ];
  if (planned && rate > 0)
    words.push(`${prettyMs(((tapeBytes - doneTapeBytes) / rate) * 1_000, { compact: true })} left`);
  const phase = USUAL_PHASES.has(progress.phase) ? '' : `${progress.phase}: `;
  const waiting = progress.waitingFor ? `; waiting: ${oneLine(progress.waitingFor)}` : '';
  return `${phase}${words.join(', ')}${waiting}`;
}

/** How an export is shown. */
export const EXPORT_VIEW: View<Progress> = { begins: 'Planning', share, describe };
