import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';
import { statusText } from '../output/status-text.ts';

/** `longshore status`: where one export stands. */
export async function statusCommand(id: string, options: ClientOptions, config: Config): Promise<void> {
  const client = await openClient(options, config);
  const status = await client.get(id);
  print(status, { json: options.json, text: () => statusText(status) });
}
