import { CommanderError } from 'commander';
import { processConfig } from './config.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { program } from './program.ts';

/** Says an error in one line; its stack only for those who ask for it. */
function report(error: unknown): number {
  // Commander has printed what was wrong with the call, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.complete : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`longshore: ${message.replaceAll('\n', ' ')}\n`);
  if (isDebugging() && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodeOf(error);
}

function isDebugging(): boolean {
  try {
    return processConfig().debug;
  } catch {
    return false;
  }
}

try {
  process.exitCode = EXIT.complete;
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
