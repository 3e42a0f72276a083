import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes, randomText, seededRandom } from '../fixtures/random-tree.ts';
import type { Longshore } from '../harness/longshore.ts';
import { Mounts } from '../harness/mounts.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { folderOf, StagedExport, type Staging, type WorkerOptions } from '../harness/staged-export.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { watchConnections } from '../harness/watched-connections.ts';
import { extract, readWholeArchive } from '../harness/whole-archive.ts';

/** Seconds; short, for another worker takes a stopped one's item only after that. */
const LOCK = 2;

/** Above every request but an item's bytes. */
const UPLOAD_BYTES = 500_000;

/** Slow enough that a worker is in the middle of an item when it's stopped. */
const SLOWLY = ['--write-rate=2M'];

/** Makes a worker that stops as soon as it is in the middle of writing an item. */
type StartStopping = (exporting: StagedExport, staging: Staging) => Promise<Longshore>;

type MakeContent = (seed: number) => Buffer;

const PATIENT: WorkerOptions = { threads: 1, lock: LOCK, grace: 25 };

describe('a late writer', function () {
  // An item is given up only after its lock, and the slow destination is slow.
  this.timeout(300_000);

  let redis: RedisServer;
  let s3: S3Server;
  let temp: TempFolder;
  let volume: string;
  let mounts: Mounts;
  let cleanUp: AsyncDisposableStack;

  before(async () => {
    redis = await startRedis();
    s3 = await startS3();
    await s3.bucket('archives');
  });
  after(async () => {
    await s3.stop();
    await redis.stop();
  });

  beforeEach(async () => {
    temp = await tempFolder('late');
    volume = join(temp.path, 'volume');
    mkdirSync(volume);
    mounts = new Mounts();
    cleanUp = new AsyncDisposableStack();
  });
  afterEach(async () => {
    await cleanUp.disposeAsync();
    mounts[Symbol.dispose]();
    await temp[Symbol.asyncDispose]();
  });

  const toDirectory: StartStopping = async (exporting, { destination }) => {
    const slow = join(temp.path, 'slow');
    mkdirSync(slow);
    mounts.bindfs(destination, slow, SLOWLY);
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = watch(destination, { recursive: true }, (_, name) => {
      if (/^\.longshore\/(tmp\/|uploads\/[^/]+\/new-)/.test(name ?? '')) resolve();
    });
    cleanUp.defer(() => watcher.close());
    const worker = exporting.work({ ...PATIENT, destination: slow });
    await promise;
    worker.kill('SIGSTOP');
    return worker;
  };

  const toS3: StartStopping = async (exporting) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watched = await watchConnections(Number(new URL(s3.endpoint).port), {
      bytes: UPLOAD_BYTES,
      onUpload: () => {
        worker.kill('SIGSTOP');
        resolve();
      },
    });
    cleanUp.use(watched);
    const env = { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${watched.port}` };
    const worker = exporting.work({ ...PATIENT, env });
    await promise;
    return worker;
  };

  const destinations: readonly { name: string; staging: () => Staging; startStopping: StartStopping }[] = [
    {
      name: 'a directory',
      staging: () => {
        const destination = join(temp.path, 'destination');
        mkdirSync(destination);
        return { source: volume, destination, redis };
      },
      startStopping: toDirectory,
    },
    {
      name: 'S3',
      staging: () => ({ source: volume, destination: `s3://archives/${Date.now()}`, redis, s3 }),
      startStopping: toS3,
    },
  ];

  const contents: readonly { name: string; make: MakeContent }[] = [
    { name: 'a part', make: (seed) => randomBytes(seededRandom(seed), 70_000_000) },
    { name: 'a runt', make: (seed) => Buffer.alloc(70_000_000, randomText(seededRandom(seed), 300_000)) },
  ];

  /** Ends a worker that may be stopped, once it has got over what it was doing. */
  async function resume(worker: Longshore): Promise<void> {
    worker.kill('SIGCONT');
    worker.kill('SIGTERM');
    await worker.finished;
  }

  async function assertWhole(exporting: StagedExport, staging: Staging): Promise<void> {
    const folder = folderOf(staging);
    const whole = readWholeArchive(folder);
    assert.deepEqual([...whole.drift], [['changing', 'changed']]);
    const to = join(temp.path, 'extracted');
    extract(join(folder, whole.manifest.archive.key), to);
    assert.ok(readFileSync(join(to, 'changing')).equals(readFileSync(join(volume, 'changing'))));
    const uploads = await Array.fromAsync(exporting.store.listUploads(whole.manifest.archive.key));
    assert.deepEqual(uploads, []);
  }

  interface Late {
    exporting: StagedExport;
    staging: Staging;
    worker: Longshore;
    /** Whose last item isn't packed before that's released. */
    last: AsyncDisposable;
  }

  /** An export whose only worker was stopped in the middle of the first item, before the file was changed. */
  async function stopLate({ staging, startStopping }: (typeof destinations)[number], make: MakeContent) {
    writeFileSync(join(volume, 'changing'), make(1));
    const stage = staging();
    const exporting = cleanUp.use(await StagedExport.start(stage));
    await exporting.plan();
    const last = await exporting.hold(1);
    const worker = await startStopping(exporting, stage);
    assert.equal((await exporting.items()).packed.size, 0, 'the worker was stopped too late');
    writeFileSync(join(volume, 'changing'), make(2));
    return { exporting, staging: stage, worker, last } satisfies Late;
  }

  for (const destination of destinations) {
    for (const { name: what, make } of contents) {
      it(`of ${what} to ${destination.name} that comes before finalization changes nothing`, async () => {
        const { exporting, staging, worker, last } = await stopLate(destination, make);
        const other = exporting.work(PATIENT);
        await exporting.packed(0);
        await resume(worker);
        await last[Symbol.asyncDispose]();
        assert.equal((await exporting.command.finished).exitCode, 3);
        await resume(other);
        await assertWhole(exporting, staging);
      });

      it(`of ${what} to ${destination.name} that comes after completion leaves nothing`, async () => {
        const { exporting, staging, worker, last } = await stopLate(destination, make);
        await last[Symbol.asyncDispose]();
        const { exitCode, stderr } = await exporting.finish(PATIENT);
        assert.equal(exitCode, 3, stderr);
        await resume(worker);
        await assertWhole(exporting, staging);
      });
    }

    it(`whose part in ${destination.name} replaced another attempt's has its item packed again`, async () => {
      const { make } = contents[0];
      writeFileSync(join(volume, 'changing'), make(1));
      const staging = destination.staging();
      await using exporting = await StagedExport.start(staging);
      const { upload } = await exporting.plan();
      const last = await exporting.hold(1);
      writeFileSync(join(volume, 'changing'), make(2));
      const worker = exporting.work(PATIENT);
      await exporting.packed(0);
      const late = make(3).subarray(0, 6_000_000);
      await exporting.store.putPart(upload, 1, { bytes: late.length, chunks: [late] });
      await last[Symbol.asyncDispose]();
      assert.equal((await exporting.command.finished).exitCode, 3);
      await resume(worker);
      await assertWhole(exporting, staging);
    });
  }
});
