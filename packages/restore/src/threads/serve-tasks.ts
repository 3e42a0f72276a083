import type { MessagePort } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { CLOSE } from '@longshore/tape';

/** What a thread answers: `reason` is `CODE: sentence`. */
export type Answer<Reply> = { reply: Reply } | { reason: string };

/** Does one task after the other, synchronously, until it's told to close. */
export function serveTasks<Task, Reply>(port: MessagePort, handle: (task: Task) => Reply): void {
  port.on('message', (task: Task | typeof CLOSE) => {
    if (task === CLOSE) port.close();
    else port.postMessage(answerTo(task, handle));
  });
}

function answerTo<Task, Reply>(task: Task, handle: (task: Task) => Reply): Answer<Reply> {
  try {
    return { reply: handle(task) };
  } catch (error) {
    return { reason: formatFailure(failureOf(error)) };
  }
}
