// A worker as `longshore work` has it, with its pool, its connections and its jobs, that does nothing but what the
// queue sees: planning tells of items that are nowhere, packing only counts them, and finalizing believes it.
import { addPacks } from '@longshore/producer';
import { PackJob, QUEUE } from '@longshore/shared';
import { openStore } from '@longshore/store';
import { itemRange } from '@longshore/tape';
import { WorkerPool } from '@longshore/worker';
import { pino } from 'pino';
import { addPlanned } from '../../packages/producer/src/plan/plan-job.ts';
import type { DurableSegment } from '../../packages/producer/src/plan/plan-volume.ts';
import { PROCESSORS } from '../../packages/worker/src/processors.ts';
import { countPacked } from '../../packages/worker/src/progress.ts';
import { type Simulation, VERSION } from './simulation.ts';

/** As `longshore work` has it where nothing is said. */
const LOCK_MS = 30_000;

/** Half of a usual item: what its part might have. */
const PART_BYTES = 32 * 2 ** 20;

PROCESSORS.pack.run = async (run) => {
  const { order } = await run.contexts.get(run.data);
  const record = { ...PackJob.parse(run.data), bytes: PART_BYTES };
  await countPacked(record, { redis: run.redis, queue: run.queue.name, exportId: order.id, packs: 1 });
};
PROCESSORS.finalize.run = async () => undefined;

async function* segmentsOf(items: number): AsyncGenerator<DurableSegment> {
  const digest = '0'.repeat(64);
  for (let item = 0; item < items; item++)
    yield { item, ...itemRange(item), digest, filesSoFar: item, last: item + 1 === items };
}

async function work({ redis, destination, spool, volumes }: Simulation): Promise<void> {
  const store = await openStore(destination);
  await WorkerPool.start({
    redis,
    queue: QUEUE,
    threads: 1,
    spool,
    lockMs: LOCK_MS,
    volumes: new Map(Object.keys(volumes).map((name) => [name, name])),
    destinations: new Map([[destination, store]]),
    version: VERSION,
    plan: ({ volume, ...adding }) => addPlanned(adding, segmentsOf(volumes[volume])),
    addPacks,
    logger: pino({ level: 'warn' }, pino.destination(2)),
  });
}

process.once('disconnect', () => process.exit());
process.once('message', async (simulation: Simulation) => {
  await work(simulation);
  process.send?.('ready');
});
