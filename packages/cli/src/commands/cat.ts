import { namedFile, patiently } from '../client/list-files.ts';
import { openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { Interrupts } from '../interrupts.ts';
import { oneLine } from '../output/one-line.ts';
import { pour } from '../output/pour.ts';
import type { PathOptions, Wanted } from './ls.ts';

/** `longshore cat`: one file of an archive, its bytes as they are. */
export async function catCommand({ id, path }: Wanted, options: PathOptions, config: Config): Promise<void> {
  using interrupts = new Interrupts();
  const { signal } = interrupts;
  const client = await openClient(options, config, signal);
  const { body, drift } = await patiently(() => client.content(id, namedFile(path, options), signal), signal);
  if (drift) process.stderr.write(`The file ${oneLine(drift)} when it was exported: see the manifest.\n`);
  await pour(whole(body, signal));
}

/** The server breaks the connection off where a file isn't what was archived: then these bytes aren't to pass for it. */
async function* whole(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of body) {
      bytes += piece.length;
      yield piece;
    }
  } catch (cause) {
    signal.throwIfAborted();
    const message = `The file broke off after ${bytes} bytes: the connection was cut, or the archive is damaged there. Try again, and then look at the server's log.`;
    throw new CliError('BROKE_OFF', message, { cause });
  }
}
