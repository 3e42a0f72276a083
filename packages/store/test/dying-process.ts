import { mkdir, writeFile } from 'node:fs/promises';
import { scratchFolder, scratchPath } from '../src/directory/scratch.ts';

/** Leaves a file and a folder as writes that are under way do, says so, and then waits for messages until it is killed. */
process.on('message', async ({ root }: { root: string }) => {
  await mkdir(scratchFolder(root), { recursive: true });
  await writeFile(scratchPath(root), 'half');
  const folder = scratchPath(root);
  await mkdir(folder);
  await writeFile(`${folder}/upload.json`, '{}');
  process.send?.('written');
});
