// The demo: asks a service over HTTP to export a volume to a real S3 server, kills a worker in the middle, and shows
// that the archive is whole all the same: the API's link gives it to anyone, GNU tar unpacks it, and nothing differs.
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import prettyBytes from 'pretty-bytes';
import { compareTrees } from '../../test/fixtures/compare-trees.ts';
import { freePort } from '../../test/harness/server.ts';
import { tempFolder } from '../../test/harness/temp.ts';
import { root, temporary } from '../config.ts';
import { DESTINATION_URI, startService } from '../service/service.ts';
import { makeVolume } from '../volume.ts';
import { download, exportWithCasualty } from './export.ts';
import { printFigures } from './figures.ts';
import { step } from './step.ts';
import { fetchObject, unpack } from './take-away.ts';

const VOLUME_BYTES = 1e9;
// The volume, its archive in the server (twice while it's completed) and downloaded, and the unpacked copy.
const NEEDED_BYTES = 6e9;
const SOURCES = [join(root, 'node_modules'), '/usr/share', '/usr/lib', '/usr/include', '/usr/bin'];

async function demo(signal: AbortSignal): Promise<void> {
  const { bavail, bsize } = await statfs(temporary);
  if (bavail * bsize < NEEDED_BYTES) {
    const free = prettyBytes(bavail * bsize);
    throw new Error(`${temporary} has ${free} free, and the demo needs 6 GB; set TMPDIR to another folder.`);
  }
  await using folder = await tempFolder('demo');
  const path = join(folder.path, 'volume');
  const volume = await step('Copying about 1 GB of this machine’s own files, some with hard links', () =>
    makeVolume({ path, sources: SOURCES, bytes: VOLUME_BYTES, linkEvery: 50, signal }),
  );
  await using service = await step(
    'Starting Redis, an S3 server, longshore serve and three longshore work',
    async () =>
      startService({
        folder: folder.path,
        port: await freePort(),
        volumes: { demo: path },
        workers: 3,
        // One is killed; whether the others go on is for the export to show.
        onEnd: () => undefined,
        signal,
      }),
  );

  const exported = await exportWithCasualty(service, { volume, signal });
  const { status, result } = exported;
  const archive = await step('Downloading the archive by the link that the API signs', () =>
    download(service, { id: status.id, to: join(folder.path, 'demo.tar.zst'), signal }),
  );
  const copy = await step('Unpacking it with GNU tar', () =>
    unpack(archive, { into: join(folder.path, 'copy'), signal }),
  );
  const differences = await step('Comparing every file, link, mode, owner and time', async () =>
    compareTrees(volume.path, copy),
  );
  const manifest = await fetchObject(service.s3, {
    uri: `${DESTINATION_URI}/${result.manifest.key}`,
    to: join(folder.path, 'manifest.json'),
    signal,
  });
  await printFigures({ volume, exported, manifest });
  for (const { path: where, field } of differences.slice(0, 20)) console.error(`${where}: another ${field}`);
  if (differences.length > 0)
    throw new Error(`The copy differs from the volume in ${differences.length} points.`);
  console.log('\nThe copy is the volume: no difference.');
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  await demo(interrupt.signal);
} catch (error) {
  const said = error instanceof Error ? error.message : String(error);
  console.error(
    interrupt.signal.aborted ? '\nInterrupted; everything was cleaned up.' : `\nThe demo failed: ${said}`,
  );
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
