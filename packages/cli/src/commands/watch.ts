import type { ExportStatus } from '@longshore/shared';
import { followExport } from '../client/follow-export.ts';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { print } from '../output/print.ts';
import { statusText } from '../output/status-text.ts';
import { progressOf } from '../progress/progress-of.ts';
import { reporterFor } from '../progress/reporter-for.ts';
import { EXPORT_VIEW } from '../progress/speed.ts';

/** `longshore watch`: follows an export, and ends as it does. */
export async function watchCommand(id: string, options: ClientOptions, config: Config): Promise<void> {
  using interrupts = new Interrupts(`the export goes on, and \`longshore watch ${id}\` follows it again`);
  const { signal } = interrupts;
  const client = await openClient(options, config, signal);
  const reporter = await reporterFor(options, EXPORT_VIEW);
  const onAway = (error: CliError) => process.stderr.write(`${error.message} Trying again.\n`);
  let last: ExportStatus | undefined;
  try {
    for await (const status of followExport(id, { client, signal, onAway })) {
      last = status;
      reporter.update(progressOf(status));
    }
  } finally {
    reporter.close();
  }
  // One that had ended before tells nothing more in its events.
  const ended = last ?? (await client.get(id));
  print(ended, { json: options.json, text: () => statusText(ended) });
  process.exitCode = exitCodeFor(ended);
}

function exitCodeFor({ phase, result, error, id }: ExportStatus): number {
  if (phase === 'Cancelled') throw new CliError('EXPORT_FAILED', `The export ${id} was cancelled.`);
  if (!result) throw new CliError('EXPORT_FAILED', error?.message ?? `The export ${id} is ${phase}.`);
  return result.drift.count + result.skipped.lost > 0 ? EXIT.drifted : EXIT.complete;
}
