import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { ProducerError } from '../error.ts';
import type { LiveVolumes } from '../live/live-volumes.ts';
import { authenticate } from './auth/authenticate.ts';
import type { CallerDirectory } from './auth/token-file.ts';
import { type Address, type Listening, listenWith } from './listen.ts';
import { sendLive } from './live/send-live.ts';
import { sendProblem } from './problem/send-problem.ts';
import { requestLog } from './request-log.ts';

export interface VolumeServerOptions {
  live: LiveVolumes;
  /** The one volume that is served, among those of `live`. */
  volume: string;
  /** What callers have to show. */
  token: string;
  /** How long nobody may ask before it's `idle`. */
  idleMs: number;
  logger: Logger;
}

export interface VolumeServer extends Listening {
  /** Resolves once nobody has asked for the archive for a while. */
  idle: Promise<void>;
}

/** Where the archive is on a volume's own server. */
export const ARCHIVE_PATH = '/archive.tar';

/**
 * Serves one live volume, to whoever has the token: what runs beside a volume in a cluster. Rejects with
 * CANNOT_LISTEN.
 */
export async function listenForVolume(address: Address, options: VolumeServerOptions): Promise<VolumeServer> {
  const idleness = new Idleness(options.idleMs);
  const close = async () => idleness.close();
  const listening = await listenWith(address, { app: appOf(options, idleness), close });
  return { ...listening, idle: idleness.reached };
}

function appOf({ live, volume, token, logger }: VolumeServerOptions, idleness: Idleness): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestLog(logger));
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
  app.use(authenticate({ tokens: directoryOf(token), countFailure: (_req, _res, next) => next() }));
  app.get(ARCHIVE_PATH, idleness.watch, (req, res) => sendLive(live, volume, { req, res }));
  app.use(() => {
    throw new ProducerError('NO_SUCH_ROUTE', `There is nothing here but ${ARCHIVE_PATH}.`);
  });
  app.use(sendProblem);
  return app;
}

function directoryOf(token: string): CallerDirectory {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const known = digest(token);
  return {
    callerOf: async (shown) =>
      timingSafeEqual(digest(shown), known) ? { name: 'producer', role: 'viewer' } : undefined,
  };
}

/** Says when there has been no request for a while. */
class Idleness {
  readonly reached: Promise<void>;
  #ms: number;
  #reach: () => void;
  #active = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise;
    this.#reach = resolve;
    this.#ms = ms;
    this.#wait();
  }

  readonly watch: RequestHandler = (_req, res, next) => {
    this.#active++;
    clearTimeout(this.#timer);
    res.once('close', () => {
      if (--this.#active === 0) this.#wait();
    });
    next();
  };

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer = setTimeout(this.#reach, this.#ms);
  }
}
