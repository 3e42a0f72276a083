// The image's HEALTHCHECK: exit code 0 where the container's program is healthy. `serve` must answer; of a worker
// or an export, which nobody calls, it is enough that it runs, and it does as long as there is a container.
import { readFileSync } from 'node:fs';

const PATIENCE_MS = 4_000;

const isServer = readFileSync('/proc/1/cmdline', 'utf8').split('\0').includes('serve');
// It listens on every address here or on one of them; loopback is in the first, and a call needs no token.
const port = process.env.LONGSHORE_LISTEN?.match(/\d+$/)?.[0] ?? '8080';

async function answers() {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return response.ok;
}

process.exitCode = !isServer || (await answers().catch(() => false)) ? 0 : 1;
