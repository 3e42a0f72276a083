import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { publishedNames } from '../harness/destination.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { Mounts } from '../harness/mounts.ts';
import { ServerProcess } from '../harness/server.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { builtTool } from '../harness/tools.ts';
import type { S3Server } from '../harness/versitygw.ts';
import { type Server, Service } from './processes.ts';

/** Half of it doesn't compress: 45 MiB of archive for each item of 64 MiB. */
const BYTES = 320e6;
const ITEMS = 5;

/** Slow enough that one item is uploaded before the next one is. */
const LEVEL = 9;

describe('an export that failed for what others can mend', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let mounts: Mounts;
  let disk: string;
  let service: Service;
  let server: Server;

  before(async () => {
    temp = await tempFolder('retries');
    const volume = join(temp.path, 'volume');
    makeRandomTree(volume, { seed: 17, bytes: BYTES, files: 200 });
    mounts = new Mounts();
    disk = join(temp.path, 'disk');
    await mkdir(disk);
    // Room for two items, and not for three.
    mounts.tmpfs(disk, '120m');
    service = await Service.start({ volumes: { data: volume }, destinations: { disk } });
    server = await service.serve();
    await service.work();
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    mounts[Symbol.dispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143]);
    assert.deepEqual(left, []);
  });

  /** Asks for it again; asserts that only what wasn't done before is packed. */
  async function retry(id: string): Promise<void> {
    const { progress: before } = await server.api.get(id);
    assert.ok(before.doneItems > 0 && before.doneItems < ITEMS, `${before.doneItems} items were done`);
    await server.api.act(id, 'retry');
    const { progress, retried } = await server.api.untilPhase(id, 'Completed');
    console.log(`      ${before.doneItems} items before the failure, ${progress.packs} after it`);
    assert.deepEqual([retried, progress.items, progress.doneItems], [1, ITEMS, ITEMS]);
    assert.equal(progress.packs, ITEMS - before.doneItems);
    await service.settled();
    assert.deepEqual(await service.keys(), []);
  }

  it('by a disk that was full goes on when there is room, and packs nothing twice', async () => {
    const id = await server.api.create({
      volume: 'data',
      destination: 'disk',
      name: 'archive',
      level: LEVEL,
    });
    const failed = await server.api.untilPhase(id, 'Failed');
    assert.equal(failed.error?.code, 'NO_SPACE');
    await execa('mount', ['-o', 'remount,size=600m', disk]);
    await retry(id);
    assert.deepEqual((await readdir(disk, { recursive: true })).sort(), publishedNames('archive'));
  });

  it('by keys that were revoked goes on with new ones, and packs nothing twice', async () => {
    const id = await server.api.create({
      volume: 'data',
      destination: 'bucket',
      name: 'archive',
      level: LEVEL,
    });
    await server.api.until(id, ({ progress }) => progress.doneItems > 0);
    await service.s3.kill();
    const secret = 'another-secret';
    const changed = await withSecret(service.s3, secret);
    try {
      const failed = await server.api.untilPhase(id, 'Failed');
      assert.equal(failed.error?.code, 'BAD_CREDENTIALS');
      await writeFile(service.secretFile, secret);
      const { exitCodes } = await service.stop();
      assert.deepEqual(exitCodes, [0, 143]);
      server = await service.serve(server.port);
      await service.work();
      await retry(id);
    } finally {
      await changed.kill();
      await service.s3.restart();
    }
    assert.deepEqual(await service.bucket.contents(), publishedNames('archive'));
    const digest = await sha256OfFile(join(disk, 'archive.tar.zst'));
    assert.equal(await service.sha256('archive.tar.zst'), digest);
  });
});

/** The same S3 server with another secret: requests that are signed with the old one are refused. */
async function withSecret({ dir, endpoint, credentials }: S3Server, secret: string): Promise<ServerProcess> {
  const { host } = new URL(endpoint);
  const server = new ServerProcess({
    command: await builtTool('versitygw'),
    args: ['--port', host, '--keep-alive', '--quiet', 'posix', dir],
    env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: secret },
    cwd: dir,
    isReady: async () => (await fetch(endpoint)).status === 403,
  });
  await server.start();
  return server;
}
