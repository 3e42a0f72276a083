import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Problem, type SelectFiles } from '@longshore/shared';
import type { DirectoryStore } from '@longshore/store';
import type { z } from 'zod';
import { Archived, AWKWARD, LARGE, LATIN1, MANY } from './archived.ts';
import { Served } from './served.ts';
import { until } from './until.ts';

type Asked = z.input<typeof SelectFiles>;

/** What Python, which has no part in making it, finds in a zip: names, Unix modes, contents' CRCs checked. */
const LIST_ZIP = `
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
bad = z.testzip()
assert bad is None, bad
print(json.dumps([[i.filename, i.external_attr >> 16, i.file_size, list(i.date_time)] for i in z.infolist()]))
`;

describe('a selection of an archive', function () {
  this.timeout(300_000);
  let archived: Archived;
  let store: DirectoryStore;
  let served: Served;
  let path: string;
  let count = 0;

  before(async () => {
    archived = await Archived.make('tar.zst');
    store = await archived.openStore();
    served = await Served.start({ destinations: { data: store }, limits: { zipEntries: 1_000 } });
    const { id } = await served.adopt(await archived.result(), { name: 'data', destination: 'data' });
    path = `/v1/exports/${id}/selection`;
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await archived[Symbol.asyncDispose]();
  });

  /** Saves it, and gives the path. */
  async function save(asked: Asked): Promise<string> {
    const answer = await served.post(path, asked);
    assert.equal(answer.status, 200, await (answer.ok ? '' : answer.text()));
    const file = join(archived.temp.path, `selection-${++count}`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    return file;
  }

  function extract(command: readonly [string, ...string[]], file: string): string {
    const folder = `${file}.extracted`;
    mkdirSync(folder);
    const [program, ...args] = command;
    execFileSync(program, [...args, file], { cwd: folder, stdio: 'pipe' });
    return folder;
  }

  const namesIn = (folder: string) => readdirSync(folder, { encoding: 'buffer' }).map(String).sort();

  it('is a tar that GNU tar extracts, owners and times included', async () => {
    const folder = extract(
      ['tar', '--same-permissions', '--extract', '--file'],
      await save({ paths: ['docs', 'links'], format: 'tar' }),
    );
    assert.deepEqual(namesIn(folder), ['docs', 'links']);
    for (const name of ['docs/large', 'docs/deep/program', 'docs/deep/empty', 'docs/deep']) {
      const [was, is] = [archived.volume, folder].map((root) =>
        lstatSync(join(root, name), { bigint: true }),
      );
      assert.deepEqual([is.mode, is.uid, is.gid], [was.mode, was.uid, was.gid], name);
      if (is.isFile()) assert.equal(is.mtimeNs, was.mtimeNs, name);
    }
    assert.ok(readFileSync(join(folder, 'docs/large')).equals(LARGE));
    assert.ok(readFileSync(join(folder, 'links/hard')).equals(LARGE));
    assert.deepEqual(namesIn(join(folder, 'links')), ['docs', 'hard', 'outside', 'up']);
    assert.equal(readlinkSync(join(folder, 'links/outside')), '/etc/passwd');
    assert.equal(readlinkSync(join(folder, 'links/up')), '../../..');
  });

  it('is a zip that Python finds whole, with modes, times and links', async () => {
    const file = await save({ paths: ['docs', 'links', 'many'], format: 'zip' });
    const listed: [string, number, number, number[]][] = JSON.parse(
      execFileSync('python3', ['-c', LIST_ZIP, file]).toString(),
    );
    const found = new Map(listed.map(([name, ...rest]) => [name, rest]));
    assert.equal(found.size, listed.length);
    assert.deepEqual(found.get('docs/large'), [0o100640, LARGE.length, [2001, 9, 9, 1, 46, 40]]);
    assert.equal(found.get('docs/deep/program')?.[0], 0o100755);
    assert.equal(Number(found.get('links/outside')?.[0]) & 0o170000, 0o120000);
    assert.equal([...found.keys()].filter((name) => /^many\/\d/.test(name)).length, MANY);
    assert.ok(!found.has('links/pipe'));
  });

  it('has no name that leads out of it, nor one that another system would take for such', async () => {
    const pathsBase64 = [Buffer.concat([Buffer.from('names/'), LATIN1]).toString('base64')];
    for (const format of ['zip', 'tar'] as const) {
      const file = await save({ paths: AWKWARD.map((name) => `names/${name}`), pathsBase64, format });
      const command =
        format === 'zip'
          ? (['python3', '-m', 'zipfile', '-l'] as const)
          : (['tar', '--list', '--quoting-style=literal', '--file'] as const);
      const [program, ...args] = command;
      const text = execFileSync(program, [...args, file]).toString();
      for (const name of [
        'names/back%5Cslash',
        'names/..%5C..%5Cup',
        'names/C:drive',
        'names/caf%E9',
        'names/漢字',
      ])
        assert.ok(text.includes(name), `${name} in ${text}`);
    }
  });

  it('has everything once, also where what was chosen overlaps', async () => {
    const file = await save({
      paths: ['docs/deep', 'docs/large', 'docs', 'docs', 'links/hard'],
      format: 'tar',
    });
    const names = execFileSync('tar', ['--list', '--file', file]).toString().trim().split('\n');
    assert.deepEqual(names, [
      'docs/',
      'docs/deep/',
      'docs/deep/empty',
      'docs/deep/program',
      'docs/large',
      'links/hard',
    ]);
  });

  it('may be everything', async () => {
    const folder = extract(['tar', '--extract', '--file'], await save({ paths: [''], format: 'tar' }));
    assert.deepEqual(namesIn(folder), ['docs', 'links', 'many', 'names']);
    assert.equal(namesIn(join(folder, 'many')).length, MANY);
  });

  const REFUSED: [string, object, number, string][] = [
    ['what the archive has not', { paths: ['docs', 'nothing'], format: 'zip' }, 404, 'NO_SUCH_ENTRY'],
    ['a way out', { paths: ['docs/../../x'], format: 'zip' }, 400, 'BAD_REQUEST'],
    ['a path of the server', { paths: ['/etc/passwd'], format: 'tar' }, 400, 'BAD_REQUEST'],
    ['a path through a link', { paths: ['links/docs/large'], format: 'tar' }, 404, 'NO_SUCH_ENTRY'],
    ['a NUL', { paths: ['docs\0'], format: 'tar' }, 400, 'BAD_REQUEST'],
    ['nothing', { paths: [], format: 'tar' }, 400, 'BAD_REQUEST'],
    ['another format', { paths: ['docs'], format: 'rar' }, 400, 'BAD_REQUEST'],
  ];
  for (const [what, asked, status, code] of REFUSED) {
    it(`is refused with ${what}`, async () => {
      const problem = Problem.parse(await (await served.post(path, asked)).json());
      assert.deepEqual([problem.status, problem.code], [status, code], problem.detail);
    });
  }

  it('is refused as a zip where its list would fill the memory', async () => {
    await using small = await Served.start({ destinations: { data: store }, limits: { zipEntries: MANY } });
    const { id } = await small.adopt(await archived.result(), { name: 'data', destination: 'data' });
    const answer = await small.post(`/v1/exports/${id}/selection`, { paths: ['many'], format: 'zip' });
    assert.equal(Problem.parse(await answer.json()).code, 'SELECTION_TOO_LARGE');
    assert.equal(
      (await small.post(`/v1/exports/${id}/selection`, { paths: ['many'], format: 'tar' })).status,
      200,
    );
  });

  it('waits for who reads slowly, and ends with who leaves', async () => {
    await using narrow = await Served.start({ destinations: { data: store }, limits: { fileReads: 1 } });
    const { id } = await narrow.adopt(await archived.result(), { name: 'data', destination: 'data' });
    const address = new URL(`/v1/exports/${id}/selection`, narrow.url);
    const wholeAs = (format: 'zip' | 'tar') => JSON.stringify({ paths: [''], format } satisfies Asked);
    const isFree = async () =>
      (await narrow.get(`/v1/exports/${id}/files/content?path=docs/deep/program`)).status === 200;
    for (let round = 0; round < 20; round++) {
      const sent = request(address, { method: 'POST', headers: { 'content-type': 'application/json' } });
      sent.end(wholeAs(round % 2 ? 'zip' : 'tar'));
      const [answer] = await once(sent, 'response');
      await once(answer, 'readable');
      assert.equal(await isFree(), false, 'the one read that is allowed is under way');
      answer.destroy();
      await until(isFree);
    }
    assert.ok(!narrow.log.some((line) => line.includes('"level":50')), narrow.log.join(''));
  });
});
