import type { Config } from '../config.ts';
import { Client } from './client.ts';
import { clientSettings, type ServerOptions } from './settings.ts';

/** Options of every command that asks a server. */
export interface ClientOptions extends ServerOptions {
  json?: boolean;
}

export async function openClient(
  options: ClientOptions,
  config: Config,
  signal?: AbortSignal,
): Promise<Client> {
  return new Client(await clientSettings(options, config.client), signal);
}
