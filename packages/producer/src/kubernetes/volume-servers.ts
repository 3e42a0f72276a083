import { createHmac } from 'node:crypto';
import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { ProducerError } from '../error.ts';
import { nodeOf, sharingOf } from './claim-users.ts';
import { type ClusterApi, ifThere, isConflict, isGone } from './cluster-api.ts';
import {
  type ServedClaim,
  VOLUME_SERVER_PORT,
  volumeServerJob,
  volumeServerName,
  volumeServerSecret,
  volumeServerService,
} from './volume-server-job.ts';
import type { WorkerImage } from './worker-job.ts';

export interface VolumeServersOptions {
  api: Pick<ClusterApi, 'core' | 'batch'>;
  image: WorkerImage;
  /** What tokens are derived from; lives as long as the installation. */
  key: string;
  /** How long nobody may ask before a server ends; ten minutes where it's left out. */
  idleMs?: number;
}

const IDLE_MS = 600_000;

/** Where a claim's server is, and what it lets in. */
export interface VolumeServerPlace {
  host: string;
  port: number;
  token: string;
}

/**
 * The servers of claims: for each a Job, a Service and a Secret of one name, which any producer makes where they are
 * missing. Nobody has to take them away: the server ends when it has nothing to do, Kubernetes removes the Job a
 * little later, and with it what it owns.
 */
export class VolumeServers {
  readonly #options: VolumeServersOptions;

  constructor(options: VolumeServersOptions) {
    this.#options = options;
  }

  /**
   * Makes what is missing of a claim's server; undefined where it's just going away. That it's there doesn't mean that
   * it answers yet. Rejects with NO_SUCH_VOLUME, VOLUME_NOT_HERE, or the API server's refusal.
   */
  async bring(served: ServedClaim): Promise<VolumeServerPlace | undefined> {
    const job = (await this.#job(served)) ?? (await this.#begin(served));
    const jobUid = job?.metadata?.uid;
    if (!job || !jobUid || job.metadata?.deletionTimestamp) return undefined;
    if (hasEnded(job)) {
      await this.#remove(served, jobUid);
      return undefined;
    }
    const token = this.#tokenOf(served);
    const host = await this.#service(served, jobUid);
    await this.#secret(served, { jobUid, token });
    return host === undefined ? undefined : { host, port: VOLUME_SERVER_PORT, token };
  }

  /** Takes a server away that doesn't know its token any more: the installation's keys are new. */
  async dismiss(served: ServedClaim): Promise<void> {
    const uid = (await this.#job(served))?.metadata?.uid;
    if (uid) await this.#remove(served, uid);
  }

  #tokenOf({ namespace, claim }: ServedClaim): string {
    return createHmac('sha256', this.#options.key)
      .update(`volume-server\0${namespace}/${claim}`)
      .digest('base64url');
  }

  async #job(served: ServedClaim): Promise<V1Job | undefined> {
    const fieldSelector = `metadata.name=${volumeServerName(served)}`;
    const { namespace } = served;
    return (await this.#options.api.batch.listNamespacedJob({ namespace, fieldSelector })).items[0];
  }

  async #begin(served: ServedClaim): Promise<V1Job | undefined> {
    const { api, image, idleMs = IDLE_MS } = this.#options;
    const { namespace, claim: name } = served;
    const claim = await ifThere(api.core.readNamespacedPersistentVolumeClaim({ namespace, name }));
    if (!claim) throw missing(served);
    const node = await this.#nodeOf(served, claim);
    const body = volumeServerJob(served, {
      image,
      node,
      idleSeconds: Math.max(1, Math.ceil(idleMs / 1_000)),
    });
    return unlessTaken(api.batch.createNamespacedJob({ namespace, body }));
  }

  async #nodeOf(
    { namespace, claim: name }: ServedClaim,
    claim: V1PersistentVolumeClaim,
  ): Promise<string | undefined> {
    const sharing = sharingOf(claim);
    if (sharing === 'one pod') throw exclusive(name);
    return sharing === 'nodes' ? undefined : nodeOf({ namespace, name }, this.#options.api);
  }

  /** The Service's address; a name would have to get around first. */
  async #service(served: ServedClaim, jobUid: string): Promise<string | undefined> {
    const { core } = this.#options.api;
    const { namespace } = served;
    const name = volumeServerName(served);
    const known = await ifThere(core.readNamespacedService({ namespace, name }));
    // What an earlier Job owned goes with it.
    const isOwn = known?.metadata?.ownerReferences?.some(({ uid }) => uid === jobUid);
    if (known && !isOwn) return undefined;
    const body = volumeServerService(served, jobUid);
    const service = known ?? (await unlessTaken(core.createNamespacedService({ namespace, body })));
    return service?.spec?.clusterIP;
  }

  async #secret(served: ServedClaim, parts: { jobUid: string; token: string }): Promise<void> {
    const { namespace } = served;
    const body = volumeServerSecret(served, parts);
    await unlessTaken(this.#options.api.core.createNamespacedSecret({ namespace, body }));
  }

  async #remove(served: ServedClaim, uid: string): Promise<void> {
    const { namespace } = served;
    const name = volumeServerName(served);
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    try {
      await this.#options.api.batch.deleteNamespacedJob({ namespace, name, body });
    } catch (error) {
      if (!isGone(error) && !isConflict(error)) throw error;
    }
  }
}

/** Undefined where somebody else made it first. */
async function unlessTaken<T>(making: Promise<T>): Promise<T | undefined> {
  try {
    return await making;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

const hasEnded = ({ status }: V1Job) =>
  status?.conditions?.some(
    ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
  );

const missing = ({ namespace, claim }: ServedClaim) =>
  new ProducerError('NO_SUCH_VOLUME', `There is no claim ${namespace}/${claim}.`);

const exclusive = (claim: string) =>
  new ProducerError(
    'VOLUME_NOT_HERE',
    `The claim ${claim} is ReadWriteOncePod, which one pod alone may mount: download a snapshot or a clone of it.`,
  );
