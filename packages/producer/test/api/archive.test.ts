import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { type ExportLinks, Problem } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { type S3Server, startS3 } from '../../../../test/harness/versitygw.ts';
import { byteRange } from '../../src/api/ranged/byte-range.ts';
import { rangeApplies, weigh } from '../../src/api/ranged/preconditions.ts';
import { created, Served } from './served.ts';

const BYTES = randomBytes(300_000);

describe('an archive in a directory', () => {
  let served: Served;
  let path: string;
  let etag: string;

  before(async () => {
    served = await Served.start();
    const { id } = await served.complete(BYTES, { name: 'Daten "2026" 漢字; x' });
    path = `/v1/exports/${id}/archive`;
    etag = (await served.request(path, { method: 'HEAD' })).headers.get('etag')!;
  });
  after(() => served[Symbol.asyncDispose]());

  async function expectBytes(answer: Response, status: number, expected: Buffer): Promise<void> {
    const body = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('content-length'), String(expected.length));
    assert.ok(body.equals(expected), 'other bytes');
  }

  it('comes whole, under its name, with what is needed to resume', async () => {
    const answer = await served.get(path);
    await expectBytes(answer, 200, BYTES);
    assert.equal(answer.headers.get('accept-ranges'), 'bytes');
    assert.match(answer.headers.get('etag') ?? '', /^"[^"]+"$/);
    assert.equal(answer.headers.get('content-type'), 'application/zstd');
    const disposition = answer.headers.get('content-disposition') ?? '';
    assert.match(
      disposition,
      /^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''Daten%20%222026%22%20%E6%BC%A2%E5%AD%97/,
    );
  });

  it('is looked at without being sent', async () => {
    const answer = await served.request(path, { method: 'HEAD', headers: { range: 'bytes=0-9' } });
    assert.deepEqual(
      [answer.status, answer.headers.get('content-length'), await answer.text()],
      [200, '300000', ''],
    );
  });

  const RANGES: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 200],
    ['bytes=299999-', 299_999, 300_000],
    ['bytes=299990-999999999999999999999999', 299_990, 300_000],
    ['bytes=-10', 299_990, 300_000],
    ['bytes=-400000', 0, 300_000],
  ];
  for (const [range, start, end] of RANGES) {
    it(`comes in part for ${range}`, async () => {
      const answer = await served.get(path, { range });
      await expectBytes(answer, 206, BYTES.subarray(start, end));
      assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end - 1}/300000`);
    });
  }

  for (const range of [
    'bytes=0-1,5-6',
    'lines=1-2',
    'bytes=5-1',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'nonsense',
  ]) {
    it(`comes whole for ${range}`, async () => {
      await expectBytes(await served.get(path, { range }), 200, BYTES);
    });
  }

  for (const range of ['bytes=300000-', 'bytes=300000-300001', 'bytes=-0']) {
    it(`says how long it is, for ${range}`, async () => {
      const answer = await served.get(path, { range });
      assert.deepEqual([answer.status, answer.headers.get('content-range')], [416, 'bytes */300000']);
      assert.equal(Problem.parse(await answer.json()).code, 'RANGE_NOT_SATISFIABLE');
    });
  }

  it('goes on only as the same archive, where that is asked for', async () => {
    const range = 'bytes=10-19';
    const part = BYTES.subarray(10, 20);
    await expectBytes(await served.get(path, { range, 'if-range': etag }), 206, part);
    await expectBytes(await served.get(path, { range, 'if-match': `"x", ${etag}` }), 206, part);
    await expectBytes(await served.get(path, { range, 'if-range': '"other"' }), 200, BYTES);
    await expectBytes(await served.get(path, { range, 'if-range': `W/${etag}` }), 200, BYTES);
    await expectBytes(await served.get(path, { range, 'if-range': new Date().toUTCString() }), 200, BYTES);
    const failed = await served.get(path, { range, 'if-match': '"other"' });
    assert.equal(Problem.parse(await failed.json()).code, 'PRECONDITION_FAILED');
  });

  it("isn't sent to who has it", async () => {
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await served.get(path, { 'if-none-match': known });
      assert.deepEqual([answer.status, answer.headers.get('etag')], [304, etag]);
    }
    assert.equal(
      (await served.request(path, { method: 'HEAD', headers: { 'if-none-match': '"other"' } })).status,
      200,
    );
  });

  it('has a link that this server serves', async () => {
    const links = await linksTo();
    assert.deepEqual(
      [links.archive, links.bytes, links.expiresIn],
      [`${served.url}${path}`, BYTES.length, undefined],
    );
    assert.equal(`"${links.etag}"`, etag);
  });

  const linksTo = async () =>
    (await (await served.get(path.replace('archive', 'links'))).json()) as ExportLinks;

  /** Puts a manifest beside the archive that says this of it. */
  async function describe(archive: object): Promise<Buffer> {
    const text = Buffer.from(JSON.stringify({ archive }));
    await served.store.put('Daten "2026" 漢字; x.manifest.json', { bytes: text.length, chunks: [text] });
    return text;
  }

  it('is known by segments, where its manifest has them', async () => {
    assert.deepEqual((await linksTo()).segments, []);
    const text = await describe({
      segments: [
        { bytes: 200_000, crc32: '00000001' },
        { bytes: 100_000, crc32: 'ffffffff' },
      ],
    });
    const { segments, manifest } = await linksTo();
    assert.deepEqual(segments, [
      { start: 0, end: 200_000, crc32: '00000001' },
      { start: 200_000, end: 300_000, crc32: 'ffffffff' },
    ]);
    const answer = await served.get(new URL(manifest).pathname);
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    await expectBytes(answer, 200, text);
    await describe({});
    assert.deepEqual((await linksTo()).segments, []);
  });

  it("isn't known by segments that aren't its own", async () => {
    await describe({ segments: [{ bytes: 299_999, crc32: '00000001' }] });
    const answer = await served.get(path.replace('archive', 'links'));
    assert.deepEqual([answer.status, Problem.parse(await answer.json()).code], [502, 'PUBLISHED_DAMAGED']);
  });

  it('has a Metalink, whatever its name', async () => {
    const answer = await served.get(`${path}.meta4`);
    assert.equal(answer.headers.get('content-type'), 'application/metalink4+xml; charset=utf-8');
    const xml = await answer.text();
    assert.match(xml, /<file name="Daten &quot;2026&quot; 漢字; x\.tar\.zst">\n {4}<size>300000<\/size>/);
    assert.ok(xml.includes(`<url>${served.url}${path}</url>`), xml);
  });

  it('ends the download of a reader who leaves, and nothing else', async () => {
    const record = await served.complete(Buffer.alloc(20 * 2 ** 20), { name: 'large' });
    const sent = get(new URL(`/v1/exports/${record.id}/archive`, served.url));
    const [answer] = await once(sent, 'response');
    await once(answer, 'data');
    answer.destroy();
    await expectBytes(await served.get(path, { range: 'bytes=0-9' }), 206, BYTES.subarray(0, 10));
  });

  it('is gone when someone removed it, and none before the export is complete', async () => {
    const record = await served.complete(Buffer.from('soon gone'), { name: 'gone' });
    await served.store.delete([record.result!.archive.key]);
    const gone = Problem.parse(await (await served.get(`/v1/exports/${record.id}/archive`)).json());
    assert.deepEqual([gone.status, gone.code], [410, 'ARCHIVE_GONE']);
    assert.ok(!JSON.stringify(gone).includes(served.store.uri), gone.detail);
    const { id } = await created(served);
    for (const kind of ['archive', 'links'])
      assert.equal((await served.get(`/v1/exports/${id}/${kind}`)).status, 409);
  });
});

describe('an archive in a bucket', () => {
  let s3: S3Server;
  let store: Store;
  let served: Served;
  let path: string;

  before(async () => {
    s3 = await startS3();
    const bucket = await s3.bucket('archives');
    store = await openStore(`s3://${bucket}/some/prefix`, {
      s3: { endpoint: s3.endpoint, region: s3.region, credentials: s3.credentials },
    });
    served = await Served.start({ destinations: { bucket: store }, limits: { linkSeconds: 120 } });
    const { id } = await served.complete(BYTES, { name: 'Müll', destination: 'bucket', store });
    path = `/v1/exports/${id}/archive`;
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await s3.stop();
  });

  it('is reached by a link that was signed for the method', async () => {
    const answer = await served.get(path);
    assert.deepEqual([answer.status, answer.headers.get('cache-control')], [302, 'no-store']);
    const whole = await fetch(answer.headers.get('location')!);
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(BYTES));
    assert.match(whole.headers.get('content-disposition') ?? '', /filename\*=UTF-8''M%C3%BCll\.tar\.zst/);
    const head = await served.request(path, { method: 'HEAD' });
    const looked = await fetch(head.headers.get('location')!, { method: 'HEAD' });
    assert.deepEqual([looked.status, looked.headers.get('content-length')], [200, '300000']);
  });

  it('is resumed through the redirection', async () => {
    const answer = await served.request(path, { redirect: 'follow', headers: { range: 'bytes=100-109' } });
    assert.equal(answer.status, 206);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(BYTES.subarray(100, 110)));
  });

  it('has links that say for how long they are good', async () => {
    const links = (await (await served.get(path.replace('archive', 'links'))).json()) as ExportLinks;
    assert.equal(links.expiresIn, 120);
    assert.equal((await fetch(links.archive, { headers: { range: 'bytes=0-0' } })).status, 206);
    for (const beside of [links.index, links.manifest]) assert.equal((await fetch(beside)).status, 404);
  });

  it('has links that end with the credentials they are signed with', async () => {
    const expiration = new Date(Date.now() + 60_000);
    const credentials = { ...s3.credentials, expiration };
    await using brief = await openStore(store.uri, {
      s3: { endpoint: s3.endpoint, region: s3.region, credentials },
    });
    await using other = await Served.start({ destinations: { bucket: brief } });
    const { id } = await other.complete(BYTES, { name: 'brief', destination: 'bucket', store: brief });
    const links = (await (await other.get(`/v1/exports/${id}/links`)).json()) as ExportLinks;
    assert.ok(links.expiresIn! >= 1 && links.expiresIn! <= 60, `${links.expiresIn}`);
    assert.equal((await fetch(links.archive)).status, 200);
  });

  it("doesn't show the link in the log", () => {
    assert.doesNotMatch(served.log.join(''), /X-Amz|Signature/i);
    assert.ok(served.log.some((line) => line.includes('/archive')));
  });
});

describe('a range header', () => {
  it('of an empty archive is never satisfiable', () => {
    assert.equal(byteRange('bytes=0-', 0), 'unsatisfiable');
    assert.equal(byteRange('bytes=-5', 0), 'unsatisfiable');
  });
});

describe('preconditions', () => {
  it('compare If-Match strongly and If-None-Match weakly', () => {
    assert.equal(weigh({ 'if-match': 'W/"a"' }, '"a"'), 'failed');
    assert.equal(weigh({ 'if-match': '*' }, '"a"'), 'go on');
    assert.equal(weigh({ 'if-none-match': 'W/"a"' }, '"a"'), 'not modified');
    assert.equal(weigh({ 'if-match': '"a"', 'if-none-match': '"b"' }, '"a"'), 'go on');
    assert.equal(rangeApplies({}, '"a"'), true);
  });
});
