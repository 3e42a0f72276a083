import { DirectoryStore } from '../src/directory/directory-store.ts';
import type { Part, Upload } from '../src/store.ts';

/** Completes an upload, and kills itself as a lost node would in the event loop's turn `turn`. */
interface Assignment {
  root: string;
  upload: Upload;
  parts: Part[];
  turn: number | null;
}

process.once('message', async ({ root, upload, parts, turn }: Assignment) => {
  const store = await DirectoryStore.open(root);
  let turns = 0;
  const count = () => {
    if (++turns === turn) process.kill(process.pid, 'SIGKILL');
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  await store.completeUpload(upload, parts);
  clearImmediate(counting);
  process.send?.(turns, () => process.disconnect?.());
});
