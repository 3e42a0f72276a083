import { join } from 'node:path';
import { LiveVolumes, listenForVolume } from '@longshore/producer/api';
import { pino } from 'pino';
import { HostAndPort } from '../config/fields.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT } from '../exit-codes.ts';
import { VERSION } from '../version.ts';
import { untilStopped } from './until-stopped.ts';

export interface ServeVolumeOptions {
  listen: string;
  /** Seconds. */
  idle: number;
}

/**
 * `longshore serve-volume`: gives one live volume to who has LONGSHORE_TOKEN, in a pod that the producer made for that.
 * Exits with 0 once nobody has asked for a while, and then isn't started again; with 143 or 130 when it's told to end.
 */
export async function serveVolumeCommand(options: ServeVolumeOptions, config: Config): Promise<void> {
  const stopped = untilStopped();
  const { volume, token, address } = settingsOf(options, config);
  const logger = pino(
    { level: config.debug ? 'debug' : (config.logLevel ?? 'info'), base: null },
    pino.destination(2),
  );
  const folder = join(config.temp, 'plans');
  const volumes = new Map(Object.entries(config.volumes));
  await using live = new LiveVolumes({ volumes, folder, memory: 'brief', longshore: VERSION, logger });
  const serving = { live, volume, token, logger, idleMs: options.idle * 1_000 };
  await using server = await listenForVolume(address, serving);
  logger.info({ url: server.url, volume }, `serving ${volume} on ${server.url}`);
  const why = await Promise.race([stopped, server.idle.then(() => 'idle' as const)]);
  logger.info({ why }, 'stopping');
  process.exitCode = EXIT[ENDS[why]];
}

const ENDS = { SIGINT: 'interrupted', SIGTERM: 'terminated', idle: 'complete' } as const;

function settingsOf({ listen }: ServeVolumeOptions, { volumes, client: { token } }: Config) {
  const address = HostAndPort.safeParse(listen);
  const [volume, ...others] = Object.keys(volumes);
  if (address.success && token && volume !== undefined && others.length === 0)
    return { volume, token, address: address.data };
  throw new CliError(
    'USAGE',
    'A volume is served by --listen HOST:PORT, LONGSHORE_TOKEN, and LONGSHORE_VOLUMES with just that volume in it.',
  );
}
