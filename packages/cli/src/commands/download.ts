import type { ExportLinks } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import type { Client } from '../client/client.ts';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { download } from '../download/download.ts';
import type { Tally } from '../download/tally.ts';
import { targetFile } from '../download/target.ts';
import { CliError } from '../error.ts';
import { Interrupts } from '../interrupts.ts';
import { oneLine } from '../output/one-line.ts';
import { print } from '../output/print.ts';
import { reporterFor } from '../progress/reporter-for.ts';
import { TRANSFER_VIEW } from '../progress/transfer.ts';

export interface DownloadCommandOptions extends ClientOptions {
  output?: string;
  connections: number;
  quiet?: boolean;
}

/** `longshore download`: an export's archive as a file, whatever happens on the way. */
export async function downloadCommand(
  id: string,
  options: DownloadCommandOptions,
  config: Config,
): Promise<void> {
  const started = performance.now();
  using interrupts = new Interrupts(
    'what came stays in the .part file, and the same command goes on with it',
  );
  const { signal } = interrupts;
  const client = await openClient(options, config, signal);
  const links = await client.links(id);
  const file = await targetFile(options.output, await archiveName(id, client));
  if (links.segments.length === 0)
    tell("The server has no checksums of this archive: what comes isn't checked.");
  const reporter = await reporterFor(options, TRANSFER_VIEW);
  const { connections } = options;
  const means = { client, links, file, signal, reporter, connections, onTrouble: tell };
  const tally = await download(id, means).finally(() => reporter.close());
  const result = resultOf(tally, { id, file, links, started });
  print(result, { json: options.json, text: () => (options.quiet ? '' : textOf(result)) });
}

function tell(message: string): void {
  process.stderr.write(`${oneLine(message)}\n`);
}

/** What the archive is called at its destination. */
async function archiveName(id: string, client: Client): Promise<string> {
  const { result } = await client.get(id);
  if (result) return result.archive.key;
  throw new CliError('EXPORT_GONE', `The export ${id} has no archive any more.`);
}

function resultOf(
  tally: Tally,
  { id, file, links, started }: { id: string; file: string; links: ExportLinks; started: number },
) {
  return {
    ...{ id, file, bytes: tally.bytes, etag: links.etag },
    /** Whether every byte was checked by a CRC-32. */
    checked: links.segments.length > 0 || tally.bytes === 0,
    segments: links.segments.length,
    /** Those that an earlier run had fetched. */
    keptBytes: tally.kept,
    fetchedBytes: tally.fetched,
    breaks: tally.breaks,
    damages: tally.damages,
    seconds: Math.round(performance.now() - started) / 1_000,
  };
}

function textOf({ file, bytes, checked, breaks, seconds }: ReturnType<typeof resultOf>): string {
  const words = [
    prettyBytes(bytes),
    checked ? 'every segment checked' : 'not checked',
    ...(breaks > 0 ? [`${breaks.toLocaleString('en')} interruptions`] : []),
    prettyMs(seconds * 1_000),
  ];
  return `${oneLine(file)}\n${words.join(', ')}\n`;
}
