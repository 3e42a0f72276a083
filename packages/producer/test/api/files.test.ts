import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type FileEntry, FileList, FORMATS, type Format, Problem } from '@longshore/shared';
import type { DirectoryStore } from '@longshore/store';
import { Archived, AWKWARD, LARGE, LATIN1, MANY } from './archived.ts';
import { Served } from './served.ts';

describe('files of an archive', function () {
  this.timeout(300_000);
  let archived: Archived;
  let store: DirectoryStore;
  let served: Served;
  let files: string;
  let cacheFolder: string;

  before(async () => {
    archived = await Archived.make('tar.zst');
    store = await archived.openStore();
    cacheFolder = join(archived.temp.path, 'cache');
    served = await Served.start({ destinations: { data: store }, cacheFolder });
    const { id } = await served.adopt(await archived.result(), { name: 'data', destination: 'data' });
    files = `/v1/exports/${id}/files`;
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await archived[Symbol.asyncDispose]();
  });

  const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();
  const base64 = (path: Buffer) => path.toString('base64');
  const content = (path: string, headers?: Record<string, string>) =>
    served.get(`${files}/content?${query({ path })}`, headers);

  async function list(parameters: Record<string, string>): Promise<FileList> {
    const answer = await served.get(`${files}?${query(parameters)}`);
    assert.equal(answer.status, 200, await answer.clone().text());
    return FileList.parse(await answer.json());
  }

  async function problem(path: string): Promise<[number, string]> {
    const answer = await served.get(path);
    const { status, code, detail } = Problem.parse(await answer.json());
    assert.ok(!detail.includes(archived.temp.path), detail);
    return [status, code];
  }

  it('are listed with what the volume has of them', async () => {
    const { entry, entries, next } = await list({});
    assert.deepEqual([entry.path, entry.type, next], ['', 'directory', undefined]);
    assert.deepEqual(
      entries.map(({ path }) => path),
      ['docs', 'links', 'many', 'names'],
    );
    const docs = await list({ path: 'docs' });
    const large = docs.entries.find(({ path }) => path === 'docs/large');
    const { uid, gid } = lstatSync(join(archived.volume, 'docs/large'));
    assert.deepEqual(large, {
      ...{ path: 'docs/large', type: 'file', size: LARGE.length, mode: 0o640, uid, gid },
      ...{ mtime: 1_000_000_000, mtimeNsec: 250_000_000, crc32: crc32(LARGE).toString(16).padStart(8, '0') },
    } satisfies FileEntry);
    const links = (await list({ path: 'links' })).entries.map(({ path, type, link }) => [path, type, link]);
    assert.deepEqual(links, [
      ['links/docs', 'symlink', '../docs'],
      ['links/hard', 'hardlink', 'docs/large'],
      ['links/outside', 'symlink', '/etc/passwd'],
      ['links/pipe', 'fifo', undefined],
      ['links/up', 'symlink', '../../..'],
    ]);
  });

  it('are listed page by page', async () => {
    const seen: (string | undefined)[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: FileList = await list({ path: 'many', limit: '100', ...(cursor && { cursor }) });
      assert.ok(page.entries.length > 0 && page.entries.length <= 100);
      seen.push(...page.entries.map(({ path }) => path));
      cursor = page.next;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: MANY }, (_, n) => `many/${String(n).padStart(4, '0')}`),
    );
    const ends = await list({ path: 'many', limit: '450' });
    assert.deepEqual([ends.entries.length, ends.next], [MANY, undefined]);
  });

  it('may have any name', async () => {
    const { entries } = await list({ path: 'names', limit: '4' });
    assert.equal(entries.length, 4);
    for (const name of AWKWARD) {
      const answer = await content(`names/${name}`);
      assert.equal(await answer.text(), name);
      const disposition = answer.headers.get('content-disposition') ?? '';
      assert.match(
        disposition,
        /^attachment; filename=("[^"\\\r\n]*(\\.[^"\\\r\n]*)*"|[\w.%-]+)(; filename\*=UTF-8''[\w%.!~'()*-]+)?$/,
      );
      assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    }
    const pathBase64 = base64(Buffer.concat([Buffer.from('names/'), LATIN1]));
    const listed = await list({ path: 'names' });
    assert.equal(listed.entries.at(-1)?.pathBase64, pathBase64);
    const coffee = await served.get(`${files}/content?${query({ pathBase64 })}`);
    assert.equal(await coffee.text(), 'coffee');
    assert.match(coffee.headers.get('content-disposition') ?? '', /caf%25E9|caf%E9/);
    assert.deepEqual((await list({ pathBase64 })).entries, []);
  });

  it('come whole, in ranges, and to those who have them not at all', async () => {
    const answer = await content('docs/large');
    const etag = answer.headers.get('etag') ?? '';
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(LARGE));
    for (const [start, end] of [
      [0, 1],
      [4_194_300, 8_388_700],
      [LARGE.length - 5, LARGE.length],
    ]) {
      const part = await content('docs/large', { range: `bytes=${start}-${end - 1}`, 'if-match': etag });
      assert.deepEqual(
        [part.status, part.headers.get('content-range')],
        [206, `bytes ${start}-${end - 1}/${LARGE.length}`],
      );
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(LARGE.subarray(start, end)));
    }
    assert.equal((await content('docs/large', { 'if-none-match': etag })).status, 304);
    assert.equal((await content('docs/large', { 'if-match': '"other"' })).status, 412);
    assert.equal((await content('docs/large', { range: `bytes=${LARGE.length}-` })).status, 416);
    const empty = await content('docs/deep/empty');
    assert.deepEqual([empty.status, empty.headers.get('content-length'), await empty.text()], [200, '0', '']);
    const head = await served.request(`${files}/content?path=docs/large`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(LARGE.length)]);
  });

  it('are followed over hard links, and never over symbolic ones', async () => {
    assert.ok(Buffer.from(await (await content('links/hard')).arrayBuffer()).equals(LARGE));
    for (const path of ['links/outside', 'links/up', 'links/pipe', 'docs', ''])
      assert.deepEqual(await problem(`${files}/content?path=${path}`), [422, 'NOT_A_FILE'], path);
    for (const path of ['links/docs/large', 'links/up/etc/passwd', 'links/outside/x', 'docs/large/x'])
      assert.deepEqual(await problem(`${files}/content?path=${path}`), [404, 'NO_SUCH_ENTRY'], path);
    assert.deepEqual((await list({ path: 'links/docs' })).entries, []);
  });

  const OUTSIDE = [
    '..',
    '../data',
    'docs/../docs/large',
    '/etc/passwd',
    '/',
    'docs/',
    'docs//large',
    './docs',
    'docs/.',
    'a\0b',
  ];
  for (const path of OUTSIDE) {
    it(`are not looked for at ${JSON.stringify(path)}`, async () => {
      for (const named of [query({ path }), query({ pathBase64: base64(Buffer.from(path)) })])
        for (const place of [files, `${files}/content`])
          assert.deepEqual(await problem(`${place}?${named}`), [400, 'BAD_REQUEST']);
    });
  }

  it('are not found by another spelling', async () => {
    for (const path of [
      'docs%252Flarge',
      'docs%5Clarge',
      '%C0%AE%C0%AE',
      '%FF',
      'names/caf%E9',
      'DOCS',
      'docs%00',
    ])
      assert.ok([400, 404].includes((await problem(`${files}/content?path=${path}`))[0]), path);
    for (const path of [`${files}/../files`, `${files}%2fcontent`, `${files}/content/docs/large`])
      assert.equal((await served.get(path)).status, path.includes('..') ? 200 : 404, path);
    const twice = await served.get(`${files}?path=docs&path=many`);
    assert.equal(twice.status, 400);
    assert.deepEqual(await problem(`${files}?path=docs&pathBase64=${base64(Buffer.from('many'))}`), [
      400,
      'BAD_REQUEST',
    ]);
    assert.deepEqual(await problem(`${files}?path=many&cursor=%21`), [400, 'BAD_REQUEST']);
  });

  it('leave nothing on the disk that outlives the server', async () => {
    assert.ok((await list({})).entries.length > 0);
    assert.deepEqual(await readdir(cacheFolder), []);
    assert.ok(!served.log.some((line) => line.includes('"level":50')), served.log.join(''));
  });
});

for (const format of FORMATS.filter((each): each is Format => each !== 'tar.zst'))
  describe(`a file of a ${format}`, function () {
    this.timeout(300_000);

    it('comes whole and in ranges', async () => {
      await using archived = await Archived.make(format);
      await using store = await archived.openStore();
      await using served = await Served.start({ destinations: { data: store } });
      const { id } = await served.adopt(await archived.result(), { name: 'data', destination: 'data' });
      const path = `/v1/exports/${id}/files/content?path=docs/large`;
      const whole = await served.get(path);
      assert.ok(Buffer.from(await whole.arrayBuffer()).equals(LARGE));
      const part = await served.get(path, { range: 'bytes=5000000-9000000' });
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(LARGE.subarray(5_000_000, 9_000_001)));
    });
  });
