// The whole service on this machine, for trying it out: what it says at its start is all that one needs to know.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import prettyBytes from 'pretty-bytes';
import { freePort } from '../../test/harness/server.ts';
import { tempFolder } from '../../test/harness/temp.ts';
import { root } from '../config.ts';
import type { Program } from '../service/program.ts';
import { DESTINATION, DESTINATION_URI, type Service, startService } from '../service/service.ts';
import { makeVolume, type Volume } from '../volume.ts';

/** Where clients look for a server that nobody named. */
const USUAL_PORT = 8_080;

const WORKERS = 2;

/** Volumes of this machine's own files: one of many small files, one of fewer and larger ones. */
const SAMPLES: Record<string, { sources: string[]; bytes: number }> = {
  packages: { sources: [join(root, 'node_modules')], bytes: 60e6 },
  system: { sources: ['/usr/lib', '/usr/share'], bytes: 100e6 },
};

async function start(signal: AbortSignal): Promise<void> {
  await using folder = await tempFolder('start');
  console.log('Copying some of this machine’s own files, and starting …');
  const volumes: Record<string, Volume> = {};
  for (const [name, { sources, bytes }] of Object.entries(SAMPLES))
    volumes[name] = await makeVolume({ path: join(folder.path, 'volumes', name), sources, bytes, signal });
  await using service = await startService({
    folder: folder.path,
    port: await portOrAnother(),
    volumes: Object.fromEntries(Object.entries(volumes).map(([name, { path }]) => [name, path])),
    workers: WORKERS,
    onEnd: (program) => console.error(`${program.name} ${program.end}.`),
    signal,
  });
  console.log(introduction(service, volumes));
  await once(signal, 'abort');
  console.log('\nStopping …');
}

async function portOrAnother(): Promise<number> {
  const probe = createServer();
  try {
    await once(probe.listen(USUAL_PORT, '127.0.0.1'), 'listening');
    return USUAL_PORT;
  } catch {
    return freePort();
  } finally {
    probe.close();
  }
}

function introduction({ url, s3, workers }: Service, volumes: Record<string, Volume>): string {
  const server = url.endsWith(`:${USUAL_PORT}`) ? '' : ` --server ${url}`;
  const [first] = Object.keys(volumes);
  const body = JSON.stringify({ volume: first, destination: DESTINATION });
  return `
Longshore runs on this machine only.

  API           ${url}/v1/exports, described by ${url}/v1/openapi.json
  queues        ${url}/queues
  metrics       ${url}/metrics
  volumes       ${Object.entries(volumes).map(described).join('; ')}
  destination   ${DESTINATION}, which is ${DESTINATION_URI} at ${s3.endpoint}
  workers       ${workers.map(pidOf).join(', ')}; kill one if you like

Export a volume, and watch it:

  npx longshore create ${first} ${DESTINATION} --watch${server}

or with curl, and then download the archive by the id that comes back:

  curl -H 'Content-Type: application/json' -d '${body}' ${url}/v1/exports
  curl ${url}/v1/exports/ID
  curl -LOJ ${url}/v1/exports/ID/archive

Ctrl-C stops everything, and removes it.`;
}

const described = ([name, { files, bytes }]: [string, Volume]) =>
  `${name} (${files.toLocaleString('en')} files, ${prettyBytes(bytes)})`;

const pidOf = ({ name, pid }: Program) => `${name} (pid ${pid})`;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  await start(interrupt.signal);
  console.log('Everything was stopped and removed.');
} catch (error) {
  if (interrupt.signal.aborted) console.log('\nInterrupted; everything was cleaned up.');
  else
    console.error(`\nLongshore can’t be started: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
