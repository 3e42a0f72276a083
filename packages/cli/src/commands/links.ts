import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';

/** `longshore links`: the address alone, so that `curl -O "$(longshore links ID)"` works. */
export async function linksCommand(id: string, options: ClientOptions, config: Config): Promise<void> {
  const client = await openClient(options, config);
  const links = await client.links(id);
  print(links, { json: options.json, text: () => `${links.archive}\n` });
}
