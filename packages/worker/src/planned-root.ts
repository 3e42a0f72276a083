import { buffer } from 'node:stream/consumers';
import { PlannedRoot } from '@longshore/shared';
import type { ExportContext } from './export-context.ts';

/** Roots never change: reading each once is enough. */
const known = new WeakMap<ExportContext, PlannedRoot>();

/** What the volume's root was when it was planned. Rejects with the store's error. */
export async function readPlannedRoot(context: ExportContext, signal: AbortSignal): Promise<PlannedRoot> {
  const { store, area } = context;
  const root =
    known.get(context) ??
    PlannedRoot.parse(JSON.parse((await buffer(await store.get(area.volume, { signal }))).toString()));
  known.set(context, root);
  return root;
}
