import { execa } from 'execa';
import { until } from '../cluster/harness/until.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { installation } from './fixture.ts';
import type { Applied, VolumeExport } from './installation.ts';

export const NAMESPACE = 'storm';
const CLAIM = 'data';

/** Eight items of 64 MiB each, at a level that keeps two cores busy for half a minute. */
const BYTES = 520_000_000;
const LEVEL = 13;
const EXPORT_MS = 900_000;

let prepared = false;

/** Once for all files that want it: a namespace with a claim that takes a while to export. */
export async function prepareStorm(): Promise<void> {
  if (prepared) return;
  prepared = true;
  await installation().tenant(NAMESPACE);
  await installation().smallClaim(NAMESPACE);
  const { folder } = await installation().claim({ name: CLAIM, namespace: NAMESPACE });
  makeRandomTree(folder, { seed: 7, bytes: BYTES, files: 400 });
  await execa('chmod', ['-R', 'a+rX', folder]);
}

export const called = (name: string): Applied => ({ name, namespace: NAMESPACE });

export async function begin(name: string, workers = 3): Promise<Applied> {
  const which = called(name);
  await installation().export(which, { claim: CLAIM, level: LEVEL, workers });
  return which;
}

/** Waits until it has packed so many items. */
export async function untilPacked(which: Applied, items: number): Promise<void> {
  await until(async () => ((await installation().get(which)).status?.progress?.doneItems ?? 0) >= items, {
    what: `${which.name} has packed ${items} items`,
    withinMs: EXPORT_MS,
  });
}

export interface Ended {
  resource: VolumeExport;
  sha256: string;
  /** Items that were packed, each time counted; and how many there are. */
  packs: number | undefined;
  items: number | undefined;
}

export async function untilCompleted(which: Applied): Promise<Ended> {
  const resource = await installation().untilPhase(which, 'Completed', EXPORT_MS);
  const sha256 = await sha256OfFile(installation().archive(which));
  const { packs, items } = resource.status?.progress ?? {};
  return { resource, sha256, packs, items };
}

interface PodList {
  items: { metadata: { name: string; deletionTimestamp?: string } }[];
}

/** Names of its pods that run, and aren't told to stop. */
export async function podsOf({ name }: Applied): Promise<string[]> {
  const running = ['--field-selector=status.phase=Running', `--selector=longshore.dev/export=${name}`];
  const { cluster } = installation();
  const { items } = await cluster.json<PodList>('get', 'pods', `--namespace=${NAMESPACE}`, ...running);
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return staying.map(({ metadata }) => metadata.name).sort();
}
