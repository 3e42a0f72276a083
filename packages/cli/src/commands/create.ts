import type { Consistency, CreateExportInput, Format, OnChange } from '@longshore/shared';
import { type ClientOptions, openClient } from '../client/open-client.ts';
import type { Config } from '../config.ts';
import { print } from '../output/print.ts';
import { watchCommand } from './watch.ts';

export interface CreateOptions extends ClientOptions {
  namespace?: string;
  name?: string;
  workers?: number;
  format?: Format;
  level?: number;
  exclude: string[];
  onChange?: OnChange;
  consistency?: Consistency;
  snapshotClass?: string;
  idempotencyKey?: string;
  watch?: boolean;
}

/** `longshore create`: requests an export. */
export async function createCommand(
  places: Pick<CreateExportInput, 'volume' | 'destination'>,
  options: CreateOptions,
  config: Config,
): Promise<void> {
  const { idempotencyKey, watch, json } = options;
  const { namespace, name, format, level, exclude, onChange, workers, consistency, snapshotClass } = options;
  const body = { namespace, name, format, level, exclude, onChange, workers, consistency, snapshotClass };
  const client = await openClient(options, config);
  const created = await client.create({ ...places, ...body }, { idempotencyKey });
  if (!watch) return print(created, { json, text: () => `${created.id}\n` });
  // With --json stdout is for the one result, which comes at the end.
  if (!json) process.stderr.write(`${created.id}\n`);
  await watchCommand(created.id, options, config);
}
