import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Producer, ProducerError, type ProducerErrorCode } from '@longshore/producer';
import { openStore, type Store } from '@longshore/store';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { bucketDestination, type Destination, publishedNames } from '../harness/destination.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { Installation, requestOf, until, untilPhase, untilSettled } from './installation.ts';

const isCode = (code: ProducerErrorCode) => (error: unknown) =>
  error instanceof ProducerError && error.code === code;

/** A level that takes some seconds for the volume, so that there is time to change something meanwhile. */
const SLOW = 9;

describe('an export in a service', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let volume: string;
  let s3: S3Server;
  let destination: Destination;
  let store: Store;
  let service: Installation;
  let producer: Producer;

  before(async () => {
    temp = await tempFolder('life');
    volume = join(temp.path, 'volume');
    makeRandomTree(volume, { seed: 7, bytes: 200e6, files: 300 });
    s3 = await startS3();
  });
  after(async () => {
    await s3.stop();
    await temp[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    destination = await bucketDestination(s3);
    store = await openStore(destination.uri, { s3: { ...s3, forcePathStyle: true } });
    service = await Installation.start({ volumes: { data: volume }, destinations: { archives: store } });
    producer = await service.producer();
  });
  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await destination[Symbol.asyncDispose]();
  });

  const create = async (request: Parameters<typeof requestOf>[0] = {}) => {
    const { status } = await producer.exports.create(requestOf({ name: 'archive', ...request }));
    return status.id;
  };

  /** Keys in Redis that are about this export's run, and not its record. */
  async function keysOf(id: string): Promise<string[]> {
    const keys = await producer.redis.keys('*');
    return keys.filter(
      (key) => key.startsWith('bull:exports:') && key.includes(id) && !key.includes(':records:'),
    );
  }

  it('goes from Pending to Completed, and leaves what it publishes', async () => {
    const id = await create();
    const [first] = (await producer.exports.list({ limit: 1 })).exports;
    assert.deepEqual([first.id, first.progress.items], [id, 0]);
    await service.workers();
    const done = await untilPhase(producer, id, 'Completed');
    await untilSettled(producer);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
    assert.deepEqual(await keysOf(id), []);
    const { progress, result } = done;
    assert.equal(progress.planned, true);
    assert.deepEqual([progress.doneItems, progress.packs], [progress.items, progress.items]);
    assert.equal(progress.files, 300);
    assert.ok(result && done.started && done.ended);
    assert.equal((await producer.exports.archive(id)).bytes, result.archive.bytes);
    assert.equal(result.archive.key, 'archive.tar.zst');
  });

  it('is suspended, with nothing of it in the queue, and resumed: nothing is packed twice', async () => {
    await service.workers();
    const id = await create();
    await until(producer, id, ({ progress }) => progress.doneItems >= 1);
    await producer.exports.suspend(id);
    const suspended = await untilPhase(producer, id, 'Suspended');
    assert.equal(await producer.queue.getJobCountByTypes(), 0);
    const doneBefore = suspended.progress.doneItems;
    assert.ok(doneBefore >= 1);
    await producer.exports.resume(id);
    const { progress } = await untilPhase(producer, id, 'Completed');
    assert.equal(progress.doneItems, progress.items);
    // Attempts that were under way when it was suspended were made again; what was done was not.
    assert.equal(progress.packs, progress.items);
    await untilSettled(producer);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
  });

  it('is cancelled: upload, work area and keys are gone within 5 s', async () => {
    await service.workers();
    const id = await create();
    await until(producer, id, ({ progress }) => progress.doneItems >= 1);
    const before = performance.now();
    await producer.exports.cancel(id);
    await untilPhase(producer, id, 'Cancelled');
    await untilSettled(producer);
    assert.ok(performance.now() - before < 5_000);
    assert.deepEqual(await destination.contents(), []);
    assert.deepEqual(await keysOf(id), []);
    await assert.rejects(producer.exports.suspend(id), isCode('WRONG_PHASE'));
    await producer.exports.retry(id);
    await untilPhase(producer, id, 'Completed');
    await untilSettled(producer);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
  });

  it('is cancelled before anything of it began', async () => {
    const id = await create();
    await producer.exports.cancel(id);
    await untilPhase(producer, id, 'Cancelled');
    await untilSettled(producer);
    assert.deepEqual(await destination.contents(), []);
  });

  it('fails with its reason, keeps what it has, and goes on from there when it is tried again', async () => {
    await service.workers();
    const id = await create({ level: SLOW });
    await until(producer, id, ({ progress }) => progress.planned && progress.doneItems >= 1);
    const away = join(temp.path, 'away');
    await rename(volume, away);
    await mkdir(volume);
    const failed = await until(producer, id, ({ phase }) => phase === 'Failed');
    await rename(away, volume);
    assert.equal(failed.error?.code, 'VOLUME_GONE');
    const doneBefore = failed.progress.doneItems;
    assert.ok(doneBefore < failed.progress.items);
    await untilSettled(producer);
    assert.deepEqual(await keysOf(id), []);
    await producer.exports.retry(id);
    const { progress, retried } = await untilPhase(producer, id, 'Completed');
    assert.deepEqual([retried, progress.packs], [1, progress.items - doneBefore]);
  });

  it('that failed because its volume changed begins anew, however soon it is tried again', async () => {
    await service.workers();
    const id = await create({ onChange: 'fail', level: SLOW });
    await until(producer, id, ({ progress }) => progress.planned && progress.doneItems >= 1);
    const files = await readdir(volume, { recursive: true, withFileTypes: true });
    for (const file of files) if (file.isFile()) await appendFile(join(file.parentPath, file.name), 'more');
    const failed = await until(producer, id, ({ phase }) => phase === 'Failed');
    assert.equal(failed.error?.code, 'DRIFT');
    await producer.exports.retry(id);
    const { progress } = await untilPhase(producer, id, 'Completed');
    assert.equal(progress.packs, progress.items);
    await untilSettled(producer);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
  });

  it('that failed and waited for long enough gives up what it kept, and a retry begins anew', async () => {
    await producer[Symbol.asyncDispose]();
    producer = await service.producer({ retainFailedMs: 1 });
    await service.workers();
    const missing = join(temp.path, 'missing');
    await using broken = await Installation.start({
      volumes: { data: missing },
      destinations: { archives: store },
    });
    const elsewhere = await broken.producer({ retainFailedMs: 1 });
    await broken.workers();
    const { status } = await elsewhere.exports.create(requestOf({ name: 'archive' }));
    const failed = await until(elsewhere, status.id, ({ phase }) => phase === 'Failed');
    assert.equal(failed.error?.code, 'VOLUME_MISSING');
    await untilSettled(elsewhere);
    assert.deepEqual(await destination.contents(), []);
    makeRandomTree(missing, { seed: 8, bytes: 1e6, files: 10 });
    await elsewhere.exports.retry(status.id);
    await untilPhase(elsewhere, status.id, 'Completed');
  });

  it('fails where the archive is there already, and leaves that one alone', async () => {
    await service.workers();
    const id = await create();
    await untilPhase(producer, id, 'Completed');
    await untilSettled(producer);
    await using other = await Installation.start({
      volumes: { data: volume },
      destinations: { archives: store },
    });
    const stranger = await other.producer();
    const { status } = await stranger.exports.create(requestOf({ name: 'archive' }));
    const failed = await until(stranger, status.id, ({ phase }) => phase === 'Failed');
    assert.equal(failed.error?.code, 'ARCHIVE_EXISTS');
    await stranger.exports.delete(status.id);
    await assert.rejects(
      until(stranger, status.id, () => false),
      isCode('UNKNOWN_EXPORT'),
    );
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
  });

  it('is deleted with what it published, once it has ended, and frees its name', async () => {
    await service.workers();
    const id = await create();
    await assert.rejects(create(), isCode('NAME_TAKEN'));
    await assert.rejects(producer.exports.delete(id), isCode('WRONG_PHASE'));
    await untilPhase(producer, id, 'Completed');
    await producer.exports.delete(id);
    await assert.rejects(
      until(producer, id, () => false),
      isCode('UNKNOWN_EXPORT'),
    );
    assert.deepEqual(await destination.contents(), []);
    await untilPhase(producer, await create(), 'Completed');
  });

  it('gets a name of its own where it’s given none, however many are requested at once', async () => {
    const requests = Array.from({ length: 5 }, () => producer.exports.create(requestOf({})));
    const names = (await Promise.all(requests)).map(({ status }) => status.name);
    assert.equal(new Set(names).size, 5);
    for (const name of names) assert.match(name, /^data-\d{8}T\d{6}Z(-\d)?$/);
  });

  it('doesn’t keep a producer from leaving while Redis is away', async () => {
    await create();
    await service.redis.kill();
    const before = performance.now();
    await producer[Symbol.asyncDispose]();
    assert.ok(performance.now() - before < 3_000);
    await service.redis.restart();
    producer = await service.producer();
    await service.workers();
    const [{ id }] = (await producer.exports.list({ limit: 1 })).exports;
    await untilPhase(producer, id, 'Completed');
  });

  it('is refused where nobody could carry it out', async () => {
    const refused = async (request: Parameters<typeof requestOf>[0], code: string) => {
      await assert.rejects(create(request), (error: unknown) => {
        assert.ok(error instanceof Error && 'code' in error);
        assert.equal(error.code, code, error.message);
        return true;
      });
    };
    await refused({ volume: 'nothing' }, 'UNKNOWN_VOLUME');
    await refused({ destination: 'nowhere' }, 'UNKNOWN_DESTINATION');
    await refused({ name: 'a/b' }, 'BAD_REQUEST');
    await refused({ level: 20 }, 'BAD_REQUEST');
    await refused({ exclude: ['['] }, 'BAD_EXCLUDE');
    assert.deepEqual(await producer.exports.list({ limit: 10 }), { exports: [] });
  });
});
