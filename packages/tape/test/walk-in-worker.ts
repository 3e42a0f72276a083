import { parentPort, workerData } from 'node:worker_threads';
import { compileExcludes } from '../src/exclude.ts';
import { LinkGroups } from '../src/links.ts';
import { Volume } from '../src/volume.ts';
import { walk } from '../src/walk.ts';

const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(warning.message));

const { root, scratch }: { root: string; scratch: string } = workerData;
let files = 0;
using volume = Volume.open(root);
using links = new LinkGroups({ scratch });
for (const step of walk(volume, { exclude: compileExcludes([]), links })) {
  if (step.kind !== 'entry' || step.entry.type !== 'file') continue;
  const opened = volume.openFile(step.entry.path);
  if (opened.kind !== 'open') continue;
  opened.close();
  files++;
}
// Warnings are emitted on a later turn than what they warn of.
setImmediate(() => parentPort?.postMessage({ files, warnings }));
