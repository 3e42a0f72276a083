import type { Request, Response } from 'express';
import { ProducerError } from '../../error.ts';
import type { LiveVolumes } from '../../live/live-volumes.ts';
import type { Role } from '../auth/role.ts';
import { sendLive } from './send-live.ts';

/** A volume as callers name it. */
export interface LiveName {
  name: string;
  /** In a cluster alone: the claim's. */
  namespace?: string;
}

/** Where live volumes are had from. */
export interface LiveArchives {
  /** What a caller has to be to get one. */
  readonly access: Role;
  /** Answers GET and HEAD with the volume's archive. */
  send(volume: LiveName, exchange: { req: Request; res: Response }): Promise<void>;
}

/** Volumes that this process reads itself: who may download an export's archive may download these. */
export function ownArchives(live: LiveVolumes): LiveArchives {
  return {
    access: 'viewer',
    send: async ({ name, namespace }, exchange) => {
      if (namespace !== undefined)
        throw new ProducerError('BAD_REQUEST', 'There are no namespaces here: leave `namespace` out.');
      await sendLive(live, name, exchange);
    },
  };
}
