import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Order, publishedKeys, workArea } from '@longshore/shared';
import { inMemory, openStore } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { planVolume } from '../../packages/producer/src/plan/plan-volume.ts';
import { type MeasureOptions, measure } from '../measure.ts';

/** One plan of a whole volume, and one look at all its entries by `find`. */
export interface PlanningRun {
  files: number;
  /** Seconds. */
  plan: number;
  /** Of `find`, with as much of each entry as an archive has. */
  find: number;
}

const FIND = "find volume -printf '%P %y %m %U %G %s %T@ %i %n\\n' > /dev/null";

/**
 * Plans the `volume` in a folder as a worker does, on whose heap this process runs: every catalog segment is written to a
 * directory, durably.
 */
export async function measurePlanning(options: MeasureOptions): Promise<PlanningRun> {
  const planned = await planOnce(options);
  const { wall: find } = await measure(FIND, options);
  return { ...planned, find };
}

async function planOnce({ folder, signal }: MeasureOptions): Promise<Omit<PlanningRun, 'find'>> {
  const [volume, spool, destination] = ['volume', 'spool', 'destination'].map((name) => join(folder, name));
  await mkdir(spool);
  await mkdir(destination);
  await using store = await openStore(destination);
  const order = orderOf(volume);
  await store.put(workArea(order.id).order, inMemory(Buffer.from(JSON.stringify(order))));
  const started = performance.now();
  let files = 0;
  for await (const { filesSoFar } of planVolume({ order, store, volume, spool, signal })) files = filesSoFar;
  const plan = (performance.now() - started) / 1_000;
  await rm(spool, { recursive: true });
  await rm(destination, { recursive: true });
  return { files, plan };
}

function orderOf(volume: string): Order {
  return Order.parse({
    version: 1,
    id: 'benchmark',
    name: 'bench',
    created: new Date().toISOString(),
    volume,
    destination: 'bench',
    format: 'tar.zst',
    level: 3,
    exclude: [],
    onChange: 'record',
    build: thisBuild('0.0.0'),
    upload: { key: publishedKeys('bench', 'tar.zst').archive, id: 'upload' },
  });
}
