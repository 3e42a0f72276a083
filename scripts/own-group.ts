import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from './config.ts';

/**
 * Runs a script in a process group of its own: Ctrl-C then reaches it alone, from here, and not at the same moment the
 * servers and programs that it has still to stop in good order. This process ends as it does.
 */
export function runInOwnGroup(script: URL): void {
  const child = spawn(process.execPath, [fileURLToPath(script)], {
    env: childEnvironment,
    stdio: 'inherit',
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
