import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../../test/harness/server.ts';
import { type S3Server, startS3 } from '../../../test/harness/versitygw.ts';
import {
  assertFault,
  assertSameBytes,
  bodyOf,
  bytesOf,
  FIRST,
  putParts,
  SECOND,
  textOf,
} from '../src/contract/material.ts';
import { describeStore } from '../src/contract.ts';
import { openStore, StoreError, type StoreErrorCode } from '../src/index.ts';
import { S3Store } from '../src/s3/s3-store.ts';
import { cuttingProxy } from './cutting-proxy.ts';
import { errorAnswer, scriptedServer } from './scripted-server.ts';

const SECRET = { accessKeyId: 'AKIATESTTESTTEST', secretAccessKey: 'not-to-be-shown' };

describe('S3Store on versitygw', () => {
  let s3: S3Server;
  let count = 0;
  let bucket: string;

  before(async () => {
    s3 = await startS3();
  });

  after(() => s3.stop());

  beforeEach(async () => {
    bucket = await s3.bucket(`bucket-${++count}`);
  });

  const settings = (endpoint = s3.endpoint) => ({ endpoint, credentials: s3.credentials, region: s3.region });
  const open = () => S3Store.open(`s3://${bucket}/some/prefix`, settings());

  describeStore('S3Store', open, { leftovers: () => filesIn(join(s3.dir, bucket)) });

  it('puts objects below its prefix, and shows no others', async () => {
    await using whole = await S3Store.open(`s3://${bucket}`, settings());
    await using part = await S3Store.open(`s3://${bucket}/some/prefix/`, settings());
    await whole.put('some/prefixed', bodyOf('no'));
    await part.put('key', bodyOf('yes'));
    assert.equal(await textOf(whole, 'some/prefix/key'), 'yes');
    assert.deepEqual(
      (await Array.fromAsync(part.list(''))).map(({ key }) => key),
      ['key'],
    );
    assert.equal(part.uri, `s3://${bucket}/some/prefix`);
  });

  it('has payloads that were damaged on the way refused', async () => {
    await using store = await open();
    const sha256 = createHash('sha256').update('other').digest('hex');
    await assertFault(store.put('key', { ...bodyOf('text'), sha256 }), 'UNAVAILABLE', 'key');
    assert.equal(await store.head('key'), undefined);
  });

  describe('links', () => {
    const LINK = { method: 'GET', expiresSeconds: 60 } as const;

    it('are for one method, and for nothing else', async () => {
      await using store = await open();
      await store.put('key', bodyOf('text'));
      const { url } = await store.link('key', LINK);
      assert.equal((await fetch(url, { method: 'HEAD' })).status, 403);
      assert.equal((await fetch(url.replace('/key?', '/other?'))).status, 403);
      assert.equal((await fetch(url.replace('filename', 'fileNAME'))).status, 403);
    });

    it('end with the credentials that they are signed with, and say so', async () => {
      const expiration = new Date(Date.now() + 30_000);
      await using store = await S3Store.open(`s3://${bucket}`, {
        ...settings(),
        credentials: { ...s3.credentials, expiration },
      });
      const { url, expiresIn } = await store.link('key', LINK);
      assert.ok(expiresIn >= 28 && expiresIn <= 30, String(expiresIn));
      assert.equal(new URL(url).searchParams.get('X-Amz-Expires'), String(expiresIn));
    });

    it("aren't signed with credentials that have expired", async () => {
      await using store = await S3Store.open(`s3://${bucket}`, {
        ...settings(),
        credentials: { ...s3.credentials, expiration: new Date(Date.now() - 1_000) },
      });
      await assertFault(store.link('key', LINK), 'BAD_CREDENTIALS', 'expired');
    });

    it('name the server as others reach it', async () => {
      await using store = await S3Store.open(`s3://${bucket}`, {
        ...settings('http://127.0.0.1:9'),
        linkEndpoint: s3.endpoint,
      });
      await using writer = await S3Store.open(`s3://${bucket}`, settings());
      await writer.put('key', bodyOf('text'));
      assert.equal(await (await fetch((await store.link('key', LINK)).url)).text(), 'text');
    });
  });

  describe('probe', () => {
    const expectProbe = async (uri: string, changes: object, code: StoreErrorCode) => {
      await using store = await openStore(uri, { s3: { ...settings(), ...changes } });
      await assertFault(store.probe(), code, 'http://127.0.0.1');
    };

    it('tells what is wrong', async () => {
      await expectProbe('s3://no-such-bucket', {}, 'NO_SUCH_BUCKET');
      await expectProbe(`s3://${bucket}`, { credentials: SECRET }, 'BAD_CREDENTIALS');
      await expectProbe(
        `s3://${bucket}`,
        { credentials: { ...s3.credentials, secretAccessKey: 'wrong' } },
        'BAD_CREDENTIALS',
      );
      await expectProbe(
        `s3://${bucket}`,
        { endpoint: `http://127.0.0.1:${await freePort()}` },
        'UNREACHABLE',
      );
    });

    it('ends when the endpoint accepts and stays silent', async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const begin = performance.now();
      await expectProbe(`s3://${bucket}`, { endpoint: `http://127.0.0.1:${port}` }, 'UNREACHABLE');
      assert.ok(performance.now() - begin < 25_000);
      silent.close();
    });
  });

  it('takes endpoint, region and credentials from where the AWS SDK looks', async () => {
    const child = fork(join(import.meta.dirname, 'probing-process.ts'), [`s3://${bucket}`], { env: s3.env });
    const [outcome] = await once(child, 'message');
    assert.deepEqual(outcome, { uri: `s3://${bucket}`, outcome: 'fine' });
    await once(child, 'exit');
  });

  describe('through trouble', () => {
    it('outlasts a server that is killed and comes back', async () => {
      await using store = await openStore(`s3://${bucket}`, { s3: settings() });
      await store.put('before', bodyOf('text'));
      await s3.kill();
      const writing = store.put('after', bodyOf('text'));
      await s3.restart();
      await writing;
      assert.equal(await textOf(store, 'before'), 'text');
    });

    it('goes on reading where a connection broke off', async () => {
      await using proxy = await cuttingProxy(s3.endpoint);
      await using store = await S3Store.open(`s3://${bucket}`, settings(proxy.endpoint));
      await store.put('key', bodyOf(FIRST, SECOND));
      proxy.cutAfter(3_000_000);
      const whole = Buffer.concat([FIRST, SECOND]);
      assertSameBytes(await bytesOf(await store.get('key')), whole);
      proxy.cutAfter(3_000_000);
      const range = { start: 1_000_000, end: 9_000_000 };
      assertSameBytes(
        await bytesOf(await store.get('key', { range })),
        whole.subarray(range.start, range.end),
      );
      assert.equal(proxy.cuts, 2);
    });

    it('recognises a completion whose answer was lost', async () => {
      await using proxy = await cuttingProxy(s3.endpoint);
      await using store = await openStore(`s3://${bucket}`, { s3: settings(proxy.endpoint) });
      const upload = await store.createUpload('key');
      const parts = await putParts(store, upload, { 1: FIRST, 3: 'end' });
      proxy.cutAnswerTo('POST');
      const object = await store.completeUpload(upload, parts);
      assert.deepEqual(await store.head('key'), object);
      assert.equal(proxy.cuts, 1);
    });
  });
});

describe("S3Store's requests and answers", () => {
  const openAt = (endpoint: string) =>
    S3Store.open('s3://bucket/prefix', { endpoint, region: 'eu-west-1', credentials: SECRET });

  it('carry the SHA-256 that was given, a length, and nothing that other servers stumble over', async () => {
    await using server = await scriptedServer(() => ({ status: 200, headers: { etag: '"abc"' } }));
    await using store = await openAt(server.endpoint);
    const sha256 = 'a'.repeat(64);
    const part = await store.putPart({ key: 'key', id: 'id' }, 5, { ...bodyOf('one', 'two'), sha256 });
    assert.deepEqual(part, { number: 5, bytes: 6, etag: 'abc' });
    const [{ headers, url, bytes }] = server.requests;
    assert.equal(url.split('?')[0], '/bucket/prefix/key');
    assert.equal(headers['x-amz-content-sha256'], sha256);
    assert.match(headers.authorization ?? '', /SignedHeaders=[^,]*x-amz-content-sha256/);
    assert.equal(headers['content-length'], '6');
    assert.equal(bytes, 6);
    for (const name of [
      'content-encoding',
      'transfer-encoding',
      'expect',
      'x-amz-trailer',
      'x-amz-checksum-crc32',
      'x-amz-sdk-checksum-algorithm',
    ]) {
      assert.equal(headers[name], undefined, name);
    }
  });

  it('hash the payload where no SHA-256 was given', async () => {
    await using server = await scriptedServer(() => ({ status: 200, headers: { etag: '"abc"' } }));
    await using store = await openAt(server.endpoint);
    await store.put('key', bodyOf('one', 'two'));
    assert.equal(
      server.requests[0].headers['x-amz-content-sha256'],
      createHash('sha256').update('onetwo').digest('hex'),
    );
  });

  const MEANINGS: [number, string, StoreErrorCode][] = [
    [403, 'AccessDenied', 'ACCESS_DENIED'],
    [403, 'SignatureDoesNotMatch', 'BAD_CREDENTIALS'],
    [400, 'ExpiredToken', 'BAD_CREDENTIALS'],
    [404, 'NoSuchBucket', 'NO_SUCH_BUCKET'],
    [404, 'NoSuchUpload', 'NO_SUCH_UPLOAD'],
    [400, 'InvalidPart', 'PART_MISMATCH'],
    [400, 'EntityTooSmall', 'PART_TOO_SMALL'],
    [412, 'PreconditionFailed', 'ALREADY_EXISTS'],
    [409, 'ConditionalRequestConflict', 'UNAVAILABLE'],
    [503, 'SlowDown', 'THROTTLED'],
    [429, 'SomethingNew', 'THROTTLED'],
    [500, 'InternalError', 'UNAVAILABLE'],
    [599, 'SomethingNew', 'UNAVAILABLE'],
    [400, 'RequestTimeout', 'UNAVAILABLE'],
    [507, 'XMinioStorageFull', 'NO_SPACE'],
    [301, 'PermanentRedirect', 'BAD_DESTINATION'],
    [418, 'SomethingNew', 'REFUSED'],
  ];

  for (const [status, word, code] of MEANINGS) {
    it(`mean ${code} when the server says ${status} ${word}`, async () => {
      await using server = await scriptedServer(() => errorAnswer(status, word));
      await using store = await openAt(server.endpoint);
      await assertFault(store.put('some key', bodyOf('text')), code, 's3://bucket/prefix/some key');
      await assertFault(Array.fromAsync(store.list('')), code, server.endpoint);
    });
  }

  it('never show credentials', async () => {
    await using server = await scriptedServer(() => errorAnswer(403, 'SignatureDoesNotMatch'));
    await using store = await openAt(server.endpoint);
    const error = await store.put('key', bodyOf('text')).catch((error) => error);
    assert.ok(error instanceof StoreError);
    const shown = [
      error.message,
      error.stack,
      JSON.stringify(error),
      JSON.stringify(error.cause),
      String(error.cause),
    ].join();
    assert.doesNotMatch(shown, /AKIA|not-to-be-shown|Signature=|Credential=/);
  });

  it('may be an error with status 200 after a completion', async () => {
    await using server = await scriptedServer(({ method }) =>
      method === 'HEAD' ? { status: 404 } : { ...errorAnswer(200, 'InternalError') },
    );
    await using store = await openAt(server.endpoint);
    const part = { number: 1, bytes: 1, etag: 'abc' };
    await assertFault(store.completeUpload({ key: 'key', id: 'id' }, [part]), 'UNAVAILABLE', 'key');
    assert.equal(server.requests[1].headers['if-none-match'], '*');
  });

  it('are single deletions where a server demands an MD5 of the list', async () => {
    await using server = await scriptedServer(({ method }) =>
      method === 'POST' ? errorAnswer(400, 'MissingContentMD5') : { status: 204 },
    );
    await using store = await openAt(server.endpoint);
    await store.delete(Array.from({ length: 40 }, (_, index) => `key-${index}`));
    const deleted = server.requests.filter(({ method }) => method === 'DELETE').map(({ url }) => url);
    assert.equal(new Set(deleted).size, 40);
  });

  it('say which key could not be deleted', async () => {
    const body =
      '<DeleteResult><Error><Key>prefix/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>';
    await using server = await scriptedServer(() => ({ status: 200, body }));
    await using store = await openAt(server.endpoint);
    await assertFault(store.delete(['a', 'b']), 'ACCESS_DENIED', 's3://bucket/prefix');
  });
});

/** What the server keeps for a bucket, its objects and uploads; its own folders stay. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}
