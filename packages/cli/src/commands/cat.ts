import { namedFile } from '../client/list-files.ts';
import { openClient } from '../client/open-client.ts';
import { readFile } from '../client/read-file.ts';
import type { Config } from '../config.ts';
import { Interrupts } from '../interrupts.ts';
import { oneLine } from '../output/one-line.ts';
import { pour } from '../output/pour.ts';
import type { PathOptions, Wanted } from './ls.ts';

/** `longshore cat`: one file of an archive, its bytes as they are. */
export async function catCommand({ id, path }: Wanted, options: PathOptions, config: Config): Promise<void> {
  using interrupts = new Interrupts();
  const { signal } = interrupts;
  const client = await openClient(options, config, signal);
  const { drift, pieces } = await readFile(id, namedFile(path, options), { client, signal });
  if (drift) process.stderr.write(`The file ${oneLine(drift)} when it was exported: see the manifest.\n`);
  await pour(pieces);
}
