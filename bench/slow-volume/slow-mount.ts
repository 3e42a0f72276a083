import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { builtTool } from '../../test/harness/tools.ts';

const ASK_AGAIN_MS = 20;
const PATIENCE_MS = 10_000;

/** A directory that is shown at another place, where each call takes a while longer. */
export interface SlowMount extends AsyncDisposable {
  path: string;
}

/** Mounts `directory` at `path`, with nothing of it in the kernel's caches. Needs root. */
export async function slowMount(
  directory: string,
  { path, delayMs }: { path: string; delayMs: number },
): Promise<SlowMount> {
  await mkdir(path, { recursive: true });
  const { dev } = await stat(path);
  const child = spawn(await builtTool('slow-mount'), [`${delayMs}ms`, directory, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const mount = {
    path,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
  try {
    await once(child, 'spawn');
    await untilShown();
    return mount;
  } catch (error) {
    await mount[Symbol.asyncDispose]();
    throw error;
  }

  async function untilShown(): Promise<void> {
    const begin = performance.now();
    while ((await stat(path)).dev === dev) {
      if (child.exitCode !== null || performance.now() - begin > PATIENCE_MS)
        throw new Error(`slow-mount doesn't show ${directory}`);
      await delay(ASK_AGAIN_MS);
    }
  }
}
