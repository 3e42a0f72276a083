import { EXIT } from '../exit-codes.ts';
import { IMPATIENT_MS } from '../interrupts.ts';

export type StopSignal = 'SIGTERM' | 'SIGINT';

/**
 * Resolves once this process is told to end, with the signal that told it. Another signal later ends it at once:
 * what is under way is taken again by others.
 */
export function untilStopped(): Promise<StopSignal> {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let stoppedAt: number | undefined;
  const stop = (signal: StopSignal) => {
    const now = Date.now();
    stoppedAt ??= now;
    if (now - stoppedAt > IMPATIENT_MS)
      process.exit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
    resolve(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
  return promise;
}
