import { execFile } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ServerProcess } from './server.ts';
import { builtTool } from './tools.ts';

/** An archive's files as a folder, mounted with FUSE at `path`, which it makes. */
export async function mountArchive(archive: string, path: string): Promise<AsyncDisposable> {
  mkdirSync(path);
  const outside = statSync(dirname(path)).dev;
  const mount = new ServerProcess({
    command: await builtTool('ratarmount'),
    args: ['-f', '--index-file', ':memory:', archive, path],
    isReady: async () => statSync(path).dev !== outside,
  });
  await mount.start();
  return {
    async [Symbol.asyncDispose]() {
      try {
        // This ends the process too.
        await promisify(execFile)('fusermount3', ['-u', path]);
      } finally {
        await mount.stop();
      }
    },
  };
}
