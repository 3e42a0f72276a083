import type { ExportStatus, Phase } from '@longshore/shared';
import type { Client } from '../client/client.ts';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';
import { listText } from '../output/status-text.ts';

export interface ListOptions extends ClientOptions {
  phase?: Phase;
  volume?: string;
  limit: number;
  all?: boolean;
}

/** The most that a server gives at once. */
const PAGE = 200;

/** `longshore list`: exports, the newest first. */
export async function listCommand(options: ListOptions, config: Config): Promise<void> {
  const client = await openClient(options, config);
  const { exports, more } = await collect(client, options);
  print({ exports, more }, { json: options.json, text: () => listText(exports) });
  if (more && !options.json) process.stderr.write('There are more: give --limit N, or --all.\n');
}

async function collect(client: Client, { phase, volume, limit, all }: ListOptions) {
  const wanted = all ? Number.POSITIVE_INFINITY : limit;
  const exports: ExportStatus[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.list({ phase, volume, cursor, limit: Math.min(PAGE, wanted - exports.length) });
    exports.push(...page.exports);
    cursor = page.next;
  } while (cursor !== undefined && exports.length < wanted);
  return { exports, more: cursor !== undefined };
}
