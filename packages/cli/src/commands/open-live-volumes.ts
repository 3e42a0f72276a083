import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIVE_LIMITS, LiveVolumes } from '@longshore/producer/api';
import type { Logger } from 'pino';
import type { ServiceConfig } from '../config/service.ts';
import { VERSION } from '../version.ts';

/** The configured volumes, to be read by this server itself. Nothing is read or written before someone asks for one. */
export function openLiveVolumes(service: ServiceConfig, logger: Logger): LiveVolumes {
  const { volumes, live } = service;
  const limits = {
    bytes: live.bytes ?? LIVE_LIMITS.bytes,
    freshMs: live.fresh ?? LIVE_LIMITS.freshMs,
    keepMs: live.keep ?? LIVE_LIMITS.keepMs,
    transfers: live.transfers ?? LIVE_LIMITS.transfers,
  };
  const folder = live.folder ?? defaultFolder(service);
  return new LiveVolumes({ volumes, folder, longshore: VERSION, logger, limits });
}

/** The same after a restart, so that downloads go on; one for each user and port of this machine. */
function defaultFolder({ spool, listen }: ServiceConfig): string {
  return join(spool ?? tmpdir(), `longshore-live-${process.geteuid?.()}-${listen.port}`);
}
