import type { OnPosition } from '@longshore/restore';
import { reportRegularly } from './regularly.ts';
import { reporterFor } from './reporter-for.ts';
import { TRANSFER_VIEW, type Transfer } from './transfer.ts';

/** Shows how far an archive has been read, in bytes of its tape and as the options ask for, while `read` does it. */
export async function whileReading<Result>(
  options: { json?: boolean; quiet?: boolean },
  read: (onPosition: OnPosition) => Promise<Result>,
): Promise<Result> {
  const reporter = await reporterFor(options, TRANSFER_VIEW);
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
