// `npm run demo`. The demo itself runs in a process group of its own: Ctrl-C then reaches it alone, from here,
// and not at the same moment the server and the export that it has still to stop in good order.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from './config.ts';

const demo = spawn(process.execPath, [fileURLToPath(new URL('demo/main.ts', import.meta.url))], {
  env: childEnvironment,
  stdio: 'inherit',
  detached: true,
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => demo.kill(signal));
demo.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
