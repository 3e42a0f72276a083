import type { Action } from '../client/client.ts';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';

/** `longshore cancel`, `retry`, `suspend` and `resume`: the server says yes, and then does it. */
export async function actCommand(
  { id, action }: { id: string; action: Action },
  options: ClientOptions,
  config: Config,
): Promise<void> {
  const client = await openClient(options, config);
  const status = await client.act(id, action);
  print(status, { json: options.json, text: () => `${status.id} ${status.phase}\n` });
}
