import type { TapePosition } from '@longshore/restore';
import { reportRegularly } from './regularly.ts';
import type { Reporter } from './reporter.ts';
import type { Transfer } from './transfer.ts';

/** Shows how far an archive has been read, in bytes of its tape, while `read` does it. */
export async function whileReading<Result>(
  reporter: Reporter<Transfer>,
  read: (onPosition: (position: TapePosition) => void) => Promise<Result>,
): Promise<Result> {
  let progress: Transfer | undefined;
  const reporting = new DisposableStack();
  using _ = reporting;
  return await read(({ tapeBytes, at }) => {
    const begins = progress === undefined;
    progress = { bytes: tapeBytes, doneBytes: at, keptBytes: 0 };
    if (begins) reporting.use(reportRegularly(() => progress!, reporter));
  });
}
