import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PRELOAD = new URL('loaded-packages.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../bin/longshore.js', import.meta.url));

/** The packages that a call loads which is refused as soon as its command runs. */
function loadedBy(...args: string[]): Promise<Set<string>> {
  const { promise, resolve, reject } = Promise.withResolvers<Set<string>>();
  execFile(process.execPath, ['--import', PRELOAD, MAIN, ...args], (error, stdout) => {
    if (error?.code === 2) resolve(new Set(JSON.parse(stdout)));
    else reject(error ?? new Error('it was not refused'));
  });
  return promise;
}

/** What takes long to load, and is for others: the API, its dashboard, configuration files, completion, S3. */
const FOR_OTHERS = [
  'express',
  '@bull-board/express',
  'pino-http',
  'prom-client',
  'yaml',
  '@bomb.sh/tab',
  '@aws-sdk/client-s3',
];

describe('a start', () => {
  it('of an export loads nothing that only services and clients need', async () => {
    const loaded = await loadedBy('export', '/nowhere', '--to', '/nowhere');
    assert.ok(loaded.has('koffi'));
    // Its workers start before it loads the queue.
    assert.deepEqual(
      [...FOR_OTHERS, 'bullmq', 'ioredis'].filter((name) => loaded.has(name)),
      [],
    );
  });

  it('of a worker without a configuration file loads none of the API', async () => {
    const loaded = await loadedBy('work', '--redis', 'nowhere');
    assert.deepEqual(
      ['express', '@bull-board/express', 'pino-http', 'prom-client'].filter((name) => loaded.has(name)),
      [],
    );
  });

  it('of a restore loads neither the queue nor the API, and S3 only for a bucket', async () => {
    const loaded = await loadedBy('restore', '/nowhere.tar', '/nowhere');
    assert.deepEqual(
      [...FOR_OTHERS, 'bullmq', 'ioredis'].filter((name) => loaded.has(name)),
      [],
    );
  });

  it('of a client loads neither the queue nor the API', async () => {
    const loaded = await loadedBy('list', '--server', 'nowhere');
    assert.deepEqual(
      [...FOR_OTHERS, 'bullmq', 'ioredis', 'koffi'].filter((name) => loaded.has(name)),
      [],
    );
  });
});
