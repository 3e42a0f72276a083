import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { memoryOf } from './memory-of.ts';
import type { Planned, PlanningTask } from './planning-process.ts';

const PROGRAM = fileURLToPath(new URL('./planning-process.ts', import.meta.url));
const SAMPLE_MS = 100;

export interface Planning extends Planned {
  /** Resident memory of the process from its start to its end, in bytes. */
  samples: number[];
  /** The highest that the kernel saw. */
  peak: number;
}

/**
 * Plans a volume in a process of its own and watches its memory. `cache` is a folder for compiled code, as the
 * command has one: without it 40 MB are spent on stripping types.
 */
export async function planInChild(task: PlanningTask, cache: string): Promise<Planning> {
  const child = fork(PROGRAM, { env: { ...process.env, NODE_COMPILE_CACHE: cache } });
  const samples: number[] = [];
  let peak = 0;
  const sample = () => {
    const memory = memoryOf(child.pid ?? 0);
    if (!memory) return;
    samples.push(memory.now);
    peak = memory.peak;
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const messages: Planned[] = [];
  child.on('message', (message: Planned) => {
    sample();
    messages.push(message);
  });
  try {
    child.send(task);
    const [code] = await once(child, 'exit');
    const [planned] = messages;
    if (!planned) throw new Error(`planning ended with exit code ${code}`);
    return { ...planned, samples, peak };
  } finally {
    clearInterval(timer);
    child.kill('SIGKILL');
  }
}
