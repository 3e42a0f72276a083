import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { Failure } from '@longshore/shared';
import { ProducerError } from '../error.ts';
import { copyName, copyOf, isMadeFor, SNAPSHOTS, snapshotOf, type VolumeSnapshot } from './claim-copy.ts';
import { type ClusterApi, ifThere, isConflict, isGone, saidBy } from './cluster-api.ts';
import type { VolumeExport } from './volume-export.ts';

/**
 * The claim that workers mount; or the uid of what has the content, to be written down before it's used; or what it waits
 * for, undefined where that's no reason to tell anybody yet.
 */
export type Copy = { claim: string } | { origin: string } | { waitsFor: Failure | undefined };

interface Claims {
  /** The claim that is exported. */
  source: V1PersistentVolumeClaim;
  /** The copy's claim, where it's there. */
  found?: V1PersistentVolumeClaim;
  origin: string | undefined;
}

/** What takes longer is told: a snapshot in a cloud may take minutes, and where nobody makes any it takes for ever. */
const USUAL_MS = 15_000;

/**
 * The temporary claims of exports that don't read the claim itself: `Snapshot` makes a VolumeSnapshot and a claim of it,
 * `Clone` a claim of the claim. Both are called after the export, so that whoever comes second, after a crash or at the
 * same time, finds what there is. The content is that of the time when they were made, whatever becomes of the source.
 */
export class ClaimCopies {
  readonly #api: Pick<ClusterApi, 'core' | 'custom'>;

  constructor(api: Pick<ClusterApi, 'core' | 'custom'>) {
    this.#api = api;
  }

  /**
   * Makes what isn't there yet. `origin` is what was written down of the copy that the run began with: a snapshot's uid,
   * or a claim's. Rejects with COPY_LOST where that one is gone: another one has another content.
   */
  async bring(
    resource: VolumeExport,
    { source, origin }: { source: V1PersistentVolumeClaim; origin: string | undefined },
  ): Promise<Copy> {
    const found = await this.#claim(resource);
    if (found && !isMadeFor(resource, found.metadata ?? {}))
      return { waitsFor: foreign('claim', found.metadata?.name) };
    if (found?.metadata?.deletionTimestamp) return { waitsFor: undefined };
    if (resource.spec.source.consistency === 'Clone') return this.#clone(resource, { source, found, origin });
    if (!found) return this.#restored(resource, { source, origin });
    // Made for a run before this one, by a snapshot that may be gone: what it has isn't to be had again.
    const { name = '', uid = '' } = found.metadata ?? {};
    return origin === undefined ? { origin: uid } : { claim: name };
  }

  /** Whether pods that mount the copy's claim wait for ever: it was deleted. */
  async isMissing(resource: VolumeExport): Promise<boolean> {
    return (await this.#claim(resource)) === undefined;
  }

  /** Why the copy isn't bound, where its pods wait for that. */
  async obstacle(resource: VolumeExport): Promise<Failure | undefined> {
    const claim = await this.#claim(resource);
    if (!claim || claim.status?.phase === 'Bound') return undefined;
    const { namespace = '', uid = '', name = '' } = claim.metadata ?? {};
    const fieldSelector = `involvedObject.uid=${uid},reason=ProvisioningFailed`;
    const { items } = await this.#api.core.listNamespacedEvent({ namespace, fieldSelector });
    const said = items.at(-1)?.message;
    if (said !== undefined)
      return { code: 'COPY_FAILED', message: `The claim ${name} can't be made of its source: ${said}.` };
    if (!isOld(claim.metadata?.creationTimestamp)) return undefined;
    const message = `The claim ${name} isn't bound yet: its storage class copies it, or has no driver that can.`;
    return { code: 'COPY_NOT_READY', message };
  }

  /** Removes the claim and the snapshot, where the export made them. They go when no pod uses them any more. */
  async remove(resource: VolumeExport): Promise<void> {
    const { consistency } = resource.spec.source;
    if (consistency === 'Live') return;
    const claim = await this.#claim(resource);
    if (claim && isMadeFor(resource, claim.metadata ?? {}))
      await unlessGone(
        this.#api.core.deleteNamespacedPersistentVolumeClaim({
          ...placeOf(resource),
          body: { preconditions: { uid: claim.metadata?.uid } },
        }),
      );
    if (consistency === 'Snapshot') await this.#removeSnapshot(resource);
  }

  async #removeSnapshot(resource: VolumeExport): Promise<void> {
    const found = await this.#snapshotThere(resource);
    if (!found || !isMadeFor(resource, found.metadata)) return;
    const body = { preconditions: { uid: found.metadata.uid } };
    await unlessGone(
      this.#api.custom.deleteNamespacedCustomObject({ ...SNAPSHOTS, ...placeOf(resource), body }),
    );
  }

  #claim(resource: VolumeExport): Promise<V1PersistentVolumeClaim | undefined> {
    return ifThere(this.#api.core.readNamespacedPersistentVolumeClaim(placeOf(resource)));
  }

  async #clone(resource: VolumeExport, { source, found, origin }: Claims): Promise<Copy> {
    if (origin !== undefined && found?.metadata?.uid !== origin) throw lost(resource);
    const claim = found ?? (await this.#make(resource, copyOf(resource, { source })));
    const { name = '', uid = '' } = claim.metadata ?? {};
    return origin === undefined ? { origin: uid } : { claim: name };
  }

  /** A claim that was deleted is made again of the same snapshot. */
  async #restored(resource: VolumeExport, { source, origin }: Claims): Promise<Copy> {
    const there = await this.#snapshotThere(resource);
    if (origin !== undefined && there?.metadata.uid !== origin) throw lost(resource);
    if (there?.metadata.deletionTimestamp !== undefined) return { waitsFor: undefined };
    const snapshot = there ?? (await this.#makeSnapshot(resource));
    const waitsFor = snapshot && obstacleOf(resource, snapshot);
    if (!snapshot?.status?.readyToUse || waitsFor) return { waitsFor: snapshot ? waitsFor : NO_SNAPSHOTS };
    if (origin === undefined) return { origin: snapshot.metadata.uid ?? '' };
    const claim = await this.#make(resource, copyOf(resource, { source, snapshot }));
    return { claim: claim.metadata?.name ?? '' };
  }

  #make(resource: VolumeExport, body: V1PersistentVolumeClaim): Promise<V1PersistentVolumeClaim> {
    const { namespace } = placeOf(resource);
    return this.#api.core.createNamespacedPersistentVolumeClaim({ namespace, body });
  }

  #snapshotThere(resource: VolumeExport): Promise<VolumeSnapshot | undefined> {
    return ifThere(this.#api.custom.getNamespacedCustomObject({ ...SNAPSHOTS, ...placeOf(resource) }));
  }

  /** Undefined where the cluster doesn't know of snapshots. */
  async #makeSnapshot(resource: VolumeExport): Promise<VolumeSnapshot | undefined> {
    const { namespace } = placeOf(resource);
    const body = snapshotOf(resource);
    try {
      return await this.#api.custom.createNamespacedCustomObject({ ...SNAPSHOTS, namespace, body });
    } catch (error) {
      if (isGone(error) && !/namespaces? /.test(saidBy(error))) return undefined;
      throw error;
    }
  }
}

const placeOf = (resource: VolumeExport) => ({
  namespace: resource.metadata.namespace ?? '',
  name: copyName(resource),
});

async function unlessGone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    // Gone, or another one by now: whoever deleted it did what was to be done.
    if (!isGone(error) && !isConflict(error)) throw error;
  }
}

const foreign = (kind: string, name = ''): Failure => ({
  code: 'COPY_IN_THE_WAY',
  message: `There is a ${kind} ${name} already, which this export didn't make: delete it.`,
});

function lost(resource: VolumeExport): ProducerError {
  const what = resource.spec.source.consistency === 'Clone' ? 'clone' : 'snapshot';
  const message = `The ${what} that this export began with was deleted, and another one has another content: retry the export, which then begins anew.`;
  return new ProducerError('COPY_LOST', message);
}

const NO_SNAPSHOTS: Failure = {
  code: 'SNAPSHOTS_MISSING',
  message:
    'The cluster has no VolumeSnapshots (snapshot.storage.k8s.io/v1): install the snapshot controller and its CRDs, or export with consistency Live or Clone.',
};

/** How the snapshot controller says that no class fits (external-snapshotter, `SetDefaultSnapshotClassFailed`). */
const NO_CLASS = /snapshot class with error/;

/** What is wrong with a snapshot; nothing where it's ready, or isn't yet. */
function obstacleOf(resource: VolumeExport, { metadata, status }: VolumeSnapshot): Failure | undefined {
  const { name } = metadata;
  if (!isMadeFor(resource, metadata)) return foreign('VolumeSnapshot', name);
  if (status?.readyToUse) return undefined;
  const said = status?.error?.message;
  if (said !== undefined && NO_CLASS.test(said)) {
    const advice = 'name a class in source.snapshotClass, or make one the default of its driver';
    return {
      code: 'SNAPSHOT_CLASS_MISSING',
      message: `The VolumeSnapshot ${name} has no class: ${advice} (${said}).`,
    };
  }
  if (said !== undefined)
    return { code: 'SNAPSHOT_FAILED', message: `The VolumeSnapshot ${name} can't be made: ${said}.` };
  if (!isOld(metadata.creationTimestamp)) return undefined;
  const message = `The VolumeSnapshot ${name} isn't ready yet: its driver works on it, or no snapshot controller runs.`;
  return { code: 'SNAPSHOT_NOT_READY', message };
}

const isOld = (made: Date | string | undefined) =>
  Date.now() - new Date(made ?? Date.now()).getTime() > USUAL_MS;
