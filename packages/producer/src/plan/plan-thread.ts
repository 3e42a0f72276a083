import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { CLOSE, compileExcludes, LinkGroups, plannedRoot, Volume } from '@longshore/tape';
import { type PlannedSegment, Planner } from './planner.ts';
import {
  type PlanThreadData,
  type PlanThreadMessage,
  type PlanThreadReply,
  SLOTS,
  STOP,
  WAITING,
} from './protocol.ts';

/**
 * The thread that walks the volume: synchronous inside, so that a walk is as fast as the system calls allow,
 * and the process's own event loop stays free to upload and to renew locks.
 */
async function main(port: MessagePort, data: PlanThreadData): Promise<void> {
  const { volume: path, exclude, spool } = data;
  const reply = (message: PlanThreadReply) => port.postMessage(message);
  try {
    using volume = Volume.open(path);
    using links = new LinkGroups({ scratch: spool });
    const emit = emitter(new Int32Array(data.control), reply);
    const planner = new Planner({ volume, exclude: compileExcludes(exclude), links, spool, emit });
    reply({ kind: 'ready', root: plannedRoot(volume.rootStat) });
    for (;;) {
      const message = await next(port);
      if (message === CLOSE) return;
      if (message.kind === 'run') break;
      reply({ kind: 'replayed', ...planner.replay(message.file, message.digest) });
    }
    planner.run();
    reply({ kind: 'finished' });
  } catch (error) {
    reply({ kind: 'failed', reason: formatFailure(failureOf(error)) });
  }
}

async function next(port: MessagePort): Promise<PlanThreadMessage | typeof CLOSE> {
  const [message] = (await once(port, 'message')) as [PlanThreadMessage | typeof CLOSE];
  return message;
}

/** Hands segments over, and waits while the main thread has as many as it may hold. */
function emitter(state: Int32Array<SharedArrayBuffer>, reply: (message: PlanThreadReply) => void) {
  return (segment: PlannedSegment) => {
    Atomics.add(state, WAITING, 1);
    reply({ kind: 'segment', segment });
    for (let held = Atomics.load(state, WAITING); held >= SLOTS; held = Atomics.load(state, WAITING)) {
      if (Atomics.load(state, STOP)) throw new Error('planning was stopped');
      Atomics.wait(state, WAITING, held, 1_000);
    }
  };
}

if (parentPort) await main(parentPort, workerData as PlanThreadData);
