import type { OnPosition } from '@longshore/restore';
import { reportRegularly } from './regularly.ts';
import type { Reporter } from './reporter.ts';
import type { Transfer } from './transfer.ts';

/** Shows how far an archive has been read, in bytes of its tape, while `read` does it. */
export async function whileReading<Result>(
  reporter: Reporter<Transfer>,
  read: (onPosition: OnPosition) => Promise<Result>,
): Promise<Result> {
  using reporting = new DisposableStack();
  // Also where the archive can't be opened, and there's no first position.
  reporting.defer(() => reporter.close());
  let progress: Transfer | undefined;
  return await read(({ tapeBytes, at }) => {
    const begins = progress === undefined;
    progress = { bytes: tapeBytes, doneBytes: at, keptBytes: 0 };
    if (begins) reporting.use(reportRegularly(() => progress!, reporter));
  });
}
