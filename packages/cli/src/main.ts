import { failureOf } from '@longshore/shared';
import { CommanderError } from 'commander';
import { processConfig } from './config.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { oneLine } from './output/one-line.ts';
import { program } from './program.ts';

/** Says an error in one line; its stack only for those who ask for it. */
function report(error: unknown): number {
  // Commander has printed the help or the version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.complete : EXIT.usage;
  process.stderr.write(`longshore: ${oneLine(failureOf(error).message)}\n`);
  if (isDebugging()) for (const stack of stacks(error)) process.stderr.write(`${stack}\n`);
  return exitCodeOf(error);
}

/** Stacks only: what else an error of a library has may hold a password. */
function* stacks(error: unknown): Generator<string> {
  for (let at = error; at instanceof Error; at = at.cause) yield at.stack ?? at.message;
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
