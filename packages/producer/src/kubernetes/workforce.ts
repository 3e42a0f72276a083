import {
  type CoreV1Event,
  PatchStrategy,
  setHeaderOptions,
  type V1PersistentVolumeClaim,
  type V1Pod,
} from '@kubernetes/client-node';
import { type Failure, failureOf, type RedisAddress } from '@longshore/shared';
import type { Logger } from 'pino';
import type { Workforce } from '../reconcile/parts.ts';
import type { ExportRecord } from '../records/record.ts';
import { ClaimCopies } from './claim-copies.ts';
import { nodeOf, sharingOf } from './claim-users.ts';
import {
  type ClusterApi,
  codeOf,
  ifThere,
  isConflict,
  isGone,
  isNamespaceEnding,
  saidBy,
} from './cluster-api.ts';
import type { KubernetesRecordStore } from './kubernetes-record-store.ts';
import { ObjectCache, type Page } from './object-cache.ts';
import { obstacleOf } from './obstacles.ts';
import { addressFor, queueOf, type RedisUsers, urlOf } from './redis-users.ts';
import { EXPORT_LABEL, labelsOf, type VolumeExport } from './volume-export.ts';
import {
  ownerOf,
  runOf,
  type Whereabouts,
  type WorkerImage,
  type WorkerJob,
  workerJob,
  workersName,
} from './worker-job.ts';

export interface WorkforceOptions {
  api: ClusterApi;
  records: KubernetesRecordStore;
  users: RedisUsers;
  /** Of Redis, as pods reach it; without a user. */
  redis: RedisAddress;
  image: WorkerImage;
  /** As the record store's. */
  namespace?: string;
  logger: Logger;
}

const JOBS = { group: 'batch', version: 'v1', plural: 'jobs' } as const;
const MANAGED = 'app.kubernetes.io/managed-by=longshore,app.kubernetes.io/component=worker';

/** A Job that has had no pod for so long waits for a pause that has grown too long, or for nothing at all. */
const IDLE_MS = 60_000;

/** A Job that lacks pods is given so long before the Job controller is asked why. */
const SILENCE_MS = 3_000;

/** How often it's asked. */
const ASK_MS = 5_000;

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** Workers in a cluster: one Job for each export, in the export's namespace. */
export class JobWorkforce implements Workforce, AsyncDisposable {
  readonly #options: WorkforceOptions;
  readonly #copies: ClaimCopies;
  readonly #jobs: ObjectCache<WorkerJob>;
  readonly #pods: ObjectCache<V1Pod>;
  /** Job's uid → since when it has no pod. */
  readonly #idleSince = new Map<string, number>();
  readonly #refusals = new Map<string, { at: number; events: CoreV1Event[] }>();

  static async open(options: WorkforceOptions): Promise<JobWorkforce> {
    const workforce = new JobWorkforce(options);
    await Promise.all([workforce.#jobs.start(), workforce.#pods.start()]);
    return workforce;
  }

  private constructor(options: WorkforceOptions) {
    this.#options = options;
    const { api, namespace, logger } = options;
    this.#copies = new ClaimCopies(api);
    const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
    const shared = { watch: api.watch, labelSelector: MANAGED, logger };
    this.#jobs = new ObjectCache({
      ...shared,
      path: `/apis/batch/v1${scope}/jobs`,
      list: async (page): Promise<Page<WorkerJob>> =>
        namespace === undefined
          ? await api.custom.listCustomObjectForAllNamespaces({
              ...JOBS,
              resourcePlural: JOBS.plural,
              ...page,
            })
          : await api.custom.listNamespacedCustomObject({ ...JOBS, namespace, ...page }),
    });
    this.#pods = new ObjectCache({
      ...shared,
      path: `/api/v1${scope}/pods`,
      // Lists of typed objects have Dates where the watch has texts; nothing here looks at one.
      list: (page) =>
        namespace === undefined
          ? api.core.listPodForAllNamespaces(page)
          : api.core.listNamespacedPod({ namespace, ...page }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#jobs[Symbol.asyncDispose](), this.#pods[Symbol.asyncDispose]()]);
  }

  async call(record: ExportRecord): Promise<Failure | undefined> {
    const resource = this.#options.records.resource(record.id);
    if (!resource) return undefined;
    try {
      return await this.#bring(resource, record);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === 'COPY_LOST') return failure;
      const code = codeOf(error);
      if (code === undefined) throw error;
      // Somebody else was quicker, or what is there is still going away: it's looked at again in a second.
      if (isConflict(error) || isGone(error)) return undefined;
      return {
        code: /exceeded quota/.test(saidBy(error)) ? 'QUOTA_EXCEEDED' : 'CLUSTER_REFUSED',
        message: saidBy(error),
      };
    }
  }

  async rest(record: ExportRecord): Promise<void> {
    const job = this.#jobOf(record.id);
    if (job && !job.spec?.suspend) await this.#patch(job, { suspend: true });
    await this.#show(record, job);
  }

  async dismiss(record: ExportRecord): Promise<void> {
    const resource = this.#options.records.resource(record.id);
    if (resource) {
      const { namespace = '' } = resource.metadata;
      const name = workersName(resource);
      const job = this.#jobOf(record.id);
      if (job) await this.#delete(job);
      await ifThere(this.#options.api.core.deleteNamespacedSecret({ namespace, name }));
      if (!mayGoOn(record)) await this.#copies.remove(resource);
      await this.#options.records.showStatus(record, { workers: 0 });
    }
  }

  async #bring(resource: VolumeExport, record: ExportRecord): Promise<Failure | undefined> {
    const job = this.#jobOf(record.id);
    if (!job) return this.#begin(resource, record);
    if (this.#isSpent(job) || runOf(job) !== record.run?.id) {
      this.#options.logger.info({ exportId: record.id, job: job.metadata.name }, 'The Job is replaced.');
      await this.#delete(job);
      return undefined;
    }
    const { workers } = resource.spec;
    if (job.spec?.parallelism !== workers || job.spec?.suspend)
      await this.#patch(job, { parallelism: workers, completions: workers, suspend: false });
    await this.#show(record, job);
    const pods = this.#podsOf(record.id);
    // Its pods go first, and all else waits for them; but the Job controller holds an index's failed pod until the next one
    // is there, which such a namespace doesn't admit. So the export has to end, and while its Secret is there it can.
    const { namespace = '' } = resource.metadata;
    if (pods.every(isLeaving) && (await isNamespaceEnding(namespace, this.#options.api)))
      await this.#options.records.requestDeletion(record);
    return this.#obstacle(resource, { job, pods });
  }

  async #begin(resource: VolumeExport, record: ExportRecord): Promise<Failure | undefined> {
    const { namespace = '' } = resource.metadata;
    const { claim } = resource.spec.source;
    const found = await ifThere(
      this.#options.api.core.readNamespacedPersistentVolumeClaim({ namespace, name: claim }),
    );
    if (!found)
      return { code: 'CLAIM_MISSING', message: `The claim ${namespace}/${claim} isn't there: make it.` };
    const sharing = sharingOf(found);
    if (resource.spec.source.consistency !== 'Live') {
      const { run } = record;
      const copy = await this.#copies.bring(resource, { source: found, origin: run?.copy });
      if ('waitsFor' in copy) return copy.waitsFor;
      if ('origin' in copy) return this.#noteCopy(record, copy.origin);
      const where = sharing === 'nodes' ? 'anywhere' : 'together';
      return this.#beginOn(resource, record, { claim: copy.claim, where });
    }
    if (sharing === 'one pod') return exclusive(claim);
    return this.#beginOn(resource, record, { claim, where: await this.#whereIs(found, sharing) });
  }

  /** Whoever looks next goes on with it. */
  async #noteCopy(record: ExportRecord, copy: string): Promise<undefined> {
    await this.#options.records.update({ ...record, run: { ...record.run!, copy } });
    return undefined;
  }

  async #whereIs({ metadata }: V1PersistentVolumeClaim, sharing: 'nodes' | 'one node'): Promise<Whereabouts> {
    if (sharing === 'nodes') return 'anywhere';
    const { namespace = '', name = '' } = metadata ?? {};
    const node = await nodeOf({ namespace, name }, this.#options.api);
    return node === undefined ? 'together' : { node };
  }

  async #beginOn(
    resource: VolumeExport,
    record: ExportRecord,
    place: { claim: string; where: Whereabouts },
  ): Promise<undefined> {
    const { namespace = '' } = resource.metadata;
    await this.#giveSecret(resource, record);
    const body = workerJob(resource, record, { image: this.#options.image, ...place });
    const made: WorkerJob = await this.#options.api.custom.createNamespacedCustomObject({
      ...JOBS,
      namespace,
      body,
    });
    this.#jobs.put(made);
    return undefined;
  }

  async #giveSecret(resource: VolumeExport, { id }: ExportRecord): Promise<void> {
    const { namespace = '', name = '' } = resource.metadata;
    const { users, redis, api } = this.#options;
    const url = urlOf(addressFor(redis, { username: queueOf(id), password: users.passwordOf(id) }));
    const labels = labelsOf(id, name);
    const metadata = { name: workersName(resource), labels, ownerReferences: [ownerOf(resource)] };
    const body = { metadata, type: 'Opaque', stringData: { 'redis-url': url } };
    const make = () => api.core.createNamespacedSecret({ namespace, body });
    try {
      await make();
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Whoever made it: what it holds isn't read, but replaced.
      await ifThere(api.core.deleteNamespacedSecret({ namespace, name: workersName(resource) }));
      await make();
    }
  }

  #jobOf(id: string): WorkerJob | undefined {
    for (const job of this.#jobs.values()) if (job.metadata.labels?.[EXPORT_LABEL] === id) return job;
    return undefined;
  }

  #podsOf(id: string): V1Pod[] {
    return [...this.#pods.values()].filter(({ metadata }) => metadata?.labels?.[EXPORT_LABEL] === id);
  }

  /** Whether nothing more is to be expected of a Job while its export goes on. */
  #isSpent({ metadata: { uid = '' }, status, spec }: WorkerJob): boolean {
    const ended = status?.conditions?.some(
      ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
    );
    const isIdle = !spec?.suspend && (status?.active ?? 0) === 0;
    if (!isIdle) this.#idleSince.delete(uid);
    else if (!this.#idleSince.has(uid)) this.#idleSince.set(uid, Date.now());
    const idleMs = Date.now() - (this.#idleSince.get(uid) ?? Date.now());
    if (idleMs > IDLE_MS) return true;
    // A wrong configuration isn't tried again at once.
    if (ended) return status?.conditions?.some(({ type }) => type === 'Complete') || idleMs > IDLE_MS;
    return Boolean(status?.failedIndexes);
  }

  async #obstacle(
    resource: VolumeExport,
    { job, pods }: { job: WorkerJob; pods: readonly V1Pod[] },
  ): Promise<Failure | undefined> {
    const failed = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
    if (failed)
      return {
        code: 'WORKERS_FAILED',
        message: `The workers' Job failed: ${failed.message ?? failed.reason}.`,
      };
    const obstacle = obstacleOf(pods, pods.length > 0 ? [] : await this.#refusalsOf(job));
    const isCopied = resource.spec.source.consistency !== 'Live';
    if (!isCopied || obstacle?.code !== 'CLAIM_MISSING') return obstacle;
    if (!(await this.#copies.isMissing(resource))) return this.#copies.obstacle(resource);
    // What becomes of the export is looked at where there is no Job.
    await this.#delete(job);
    return undefined;
  }

  /** Why the Job controller can't make pods: it says so in Events alone. */
  async #refusalsOf({ metadata: { namespace = '', uid = '' } }: WorkerJob): Promise<CoreV1Event[]> {
    const known = this.#refusals.get(uid);
    const now = Date.now();
    if (now - (this.#idleSince.get(uid) ?? now) < SILENCE_MS) return [];
    if (known && now - known.at < ASK_MS) return known.events;
    const fieldSelector = `involvedObject.uid=${uid},reason=FailedCreate`;
    const { items: events } = await this.#options.api.core.listNamespacedEvent({ namespace, fieldSelector });
    this.#refusals.set(uid, { at: now, events });
    return events;
  }

  async #show(record: ExportRecord, job: WorkerJob | undefined): Promise<void> {
    const workers = job?.status?.active ?? 0;
    const shown = this.#options.records.resource(record.id)?.status?.workers;
    if (workers !== shown) await this.#options.records.showStatus(record, { workers });
  }

  async #patch({ metadata }: WorkerJob, spec: Partial<NonNullable<WorkerJob['spec']>>): Promise<void> {
    const { namespace = '', name = '' } = metadata;
    const request = { ...JOBS, namespace, name, body: { spec } };
    const patched: WorkerJob = await this.#options.api.custom.patchNamespacedCustomObject(
      request,
      mergePatch,
    );
    this.#jobs.put(patched);
  }

  async #delete(job: WorkerJob): Promise<void> {
    const { namespace = '', name = '', uid = '' } = job.metadata;
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    try {
      await this.#options.api.custom.deleteNamespacedCustomObject({ ...JOBS, namespace, name, body });
    } catch (error) {
      if (!isGone(error) && !isConflict(error)) throw error;
    }
    this.#jobs.delete(job);
    this.#idleSince.delete(uid);
    this.#refusals.delete(uid);
  }
}

/** A failed export that can be tried again has packed a part of the copy, and goes on with the same one. */
const mayGoOn = ({ phase, run, wish }: ExportRecord) =>
  phase === 'Failed' && run !== undefined && wish === 'run';

const isLeaving = ({ metadata, status }: V1Pod) =>
  metadata?.deletionTimestamp !== undefined || status?.phase === 'Failed';

const exclusive = (claim: string): Failure => ({
  code: 'CLAIM_EXCLUSIVE',
  message: `The claim ${claim} is ReadWriteOncePod, which one pod alone may mount: export a snapshot or a clone of it.`,
});
