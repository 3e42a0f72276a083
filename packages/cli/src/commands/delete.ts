import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';

/** `longshore delete`: the record and what was published. */
export async function deleteCommand(id: string, options: ClientOptions, config: Config): Promise<void> {
  const client = await openClient(options, config);
  await client.delete(id);
  print({ id, deleted: true }, { json: options.json, text: () => `${id} deleted\n` });
}
