import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import type { LiveArchives, LiveName } from '../api/live/live-archives.ts';
import { askVolumeServer, relay } from '../api/live/relay.ts';
import { ProducerError } from '../error.ts';
import { codeOf, saidBy } from './cluster-api.ts';
import type { ServedClaim } from './volume-server-job.ts';
import type { VolumeServerPlace, VolumeServers } from './volume-servers.ts';

export interface ClaimArchivesOptions {
  servers: Pick<VolumeServers, 'bring' | 'dismiss'>;
  /** Only this namespace's claims; all where none is named. */
  namespace?: string;
  logger: Logger;
}

/** A pod takes some seconds to start where the image is there already; the caller comes again after that. */
const START_MS = 30_000;
const RETRY_SECONDS = 10;
const LOOK_AGAIN_MS = 500;

const UNAUTHENTICATED = 401;

/** Live claims of a cluster: each has a server beside it, and the producer hands on what that gives. */
export class ClaimArchives implements LiveArchives {
  /** Who may export a claim may read it; who only sees exports may not read claims that nobody exported. */
  readonly access = 'operator';
  readonly #options: ClaimArchivesOptions;
  /** `NAMESPACE/CLAIM` → where its server answered last. */
  readonly #known = new Map<string, VolumeServerPlace>();

  constructor(options: ClaimArchivesOptions) {
    this.#options = options;
  }

  async send(
    { name: claim, namespace }: LiveName,
    { req, res }: { req: Request; res: Response },
  ): Promise<void> {
    const served = this.#servedOf(claim, namespace);
    const over = new AbortController();
    res.once('close', () => over.abort());
    const answer = await this.#answer(served, { req, signal: over.signal });
    if (over.signal.aborted) return;
    if (!answer) {
      res.set('Retry-After', String(RETRY_SECONDS));
      throw new ProducerError(
        'PLANNING',
        `The server of the claim ${claim} is being started: ask again later.`,
      );
    }
    const end = await relay(answer, { req, res });
    if (end === 'cut off')
      this.#options.logger.warn(
        { volume: `${served.namespace}/${claim}` },
        `a download of ${served.namespace}/${claim} was cut off: the log of its volume server says why`,
      );
  }

  #servedOf(claim: string, namespace: string | undefined): ServedClaim {
    const only = this.#options.namespace;
    if (namespace === undefined)
      throw new ProducerError('BAD_REQUEST', 'In a cluster a volume has a namespace: add it to the request.');
    if (only === undefined || only === namespace) return { namespace, claim };
    throw new ProducerError('NO_SUCH_VOLUME', `Only claims of the namespace ${only} are served here.`);
  }

  /** Undefined where the server takes longer to start than a caller waits, or the caller has left. */
  async #answer(served: ServedClaim, { req, signal }: { req: Request; signal: AbortSignal }) {
    const key = `${served.namespace}/${served.claim}`;
    const deadline = performance.now() + START_MS;
    do {
      const place =
        this.#known.get(key) ?? (await this.#cluster(served, () => this.#options.servers.bring(served)));
      const answer = place && (await askVolumeServer(place, { req, signal }));
      if (answer?.statusCode === UNAUTHENTICATED) {
        answer.destroy();
        await this.#cluster(served, () => this.#options.servers.dismiss(served));
      } else if (answer) {
        this.#known.set(key, place);
        return answer;
      }
      this.#known.delete(key);
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    } while (performance.now() < deadline && !signal.aborted);
    return undefined;
  }

  async #cluster<T>({ namespace, claim }: ServedClaim, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      const message = `The server of the claim ${namespace}/${claim} can't be made: ${saidBy(error)}`;
      this.#options.logger.warn({ volume: `${namespace}/${claim}` }, message);
      throw new ProducerError('CLUSTER_REFUSED', message, { cause: error });
    }
  }
}
