import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';

/** `longshore scale`: how many pods work on an export. */
export async function scaleCommand(
  { id, workers }: { id: string; workers: number },
  options: ClientOptions,
  config: Config,
): Promise<void> {
  const client = await openClient(options, config);
  const status = await client.change(id, { workers });
  print(status, { json: options.json, text: () => `${status.id} ${status.workers}\n` });
}
