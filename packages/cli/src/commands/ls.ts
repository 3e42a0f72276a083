import type { FileEntry } from '@longshore/shared';
import { listFiles, namedFile } from '../client/list-files.ts';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { Interrupts } from '../interrupts.ts';
import { bytesOf, fileLine } from '../output/file-line.ts';
import { pour } from '../output/pour.ts';

export interface PathOptions extends ClientOptions {
  encoded?: boolean;
}

/** Which entry, of which export's archive. */
export interface Wanted {
  id: string;
  path: string;
}

/** `longshore ls`: what is in a directory of an archive, a line each, as it comes. */
export async function lsCommand({ id, path }: Wanted, options: PathOptions, config: Config): Promise<void> {
  using interrupts = new Interrupts();
  const { signal } = interrupts;
  const client = await openClient(options, config, signal);
  const pages = listFiles(id, namedFile(path, options), { client, signal });
  await pour(options.json ? jsonLines(pages) : textLines(pages));
}

type Pages = ReturnType<typeof listFiles>;

async function* jsonLines(pages: Pages): AsyncGenerator<string> {
  for await (const { entry, entries } of pages) {
    const shown = entry.type === 'directory' ? entries : [entry];
    yield shown.map((each) => `${JSON.stringify(each)}\n`).join('');
  }
}

async function* textLines(pages: Pages): AsyncGenerator<string> {
  for await (const { entry, entries } of pages) {
    if (entry.type === 'directory') yield entries.map((each) => fileLine(each, nameOf(each))).join('');
    else yield fileLine(entry, bytesOf(entry));
  }
}

const SLASH = 0x2f;

function nameOf(entry: FileEntry): Buffer {
  const path = bytesOf(entry);
  return path.subarray(path.lastIndexOf(SLASH) + 1);
}
