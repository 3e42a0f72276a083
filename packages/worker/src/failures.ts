import { parseFailure } from '@longshore/shared';
import type { Job } from 'bullmq';

/** What BullMQ keeps of a failed attempt is its error's stack: `Error: CODE: sentence`, then where it came from. */
const NAME = /^\w*Error: /;

/** How many attempts at a job have failed with this code so far, or since it was last retried by hand. */
export function failuresOf(job: Pick<Job, 'stacktrace' | 'attemptsMade'>, code: string): number {
  const all = job.stacktrace ?? [];
  const counted = all.slice(Math.max(0, all.length - job.attemptsMade));
  return counted.filter((stack) => parseFailure(stack.replace(NAME, '')).code === code).length;
}
