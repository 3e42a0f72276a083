import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntry } from '@longshore/shared';
import { FaultProxy, type Passed } from '../harness/fault-proxy.ts';
import type { Longshore } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { Api } from '../service/api.ts';
import { type Server, Service } from '../service/processes.ts';

/** More than two pages. */
const MANY = 2_500;

/** Of a terminal that obeys: clears the screen, sets its title. */
const NASTY = 'a\u001b[2J\u001b]0;owned\u0007\nb\u202e';

/** No UTF-8. */
const LATIN = Buffer.from('caf\xe9', 'latin1');

describe('longshore ls and cat', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let server: Server;
  let id: string;
  const noise = randomBytes(3_000_000);

  before(async () => {
    temp = await tempFolder('ls');
    const volume = join(temp.path, 'volume');
    await mkdir(join(volume, 'many'), { recursive: true });
    await mkdir(join(volume, 'nasty'));
    for (let file = 0; file < MANY; file++) await writeFile(join(volume, 'many', `f${file}`), '');
    await writeFile(join(volume, 'noise'), noise, { mode: 0o640 });
    await writeFile(join(volume, 'empty'), '');
    await symlink('../\u001b[31mred', join(volume, 'link'));
    await writeFile(join(volume, 'nasty', NASTY), 'obeyed');
    await writeFile(Buffer.concat([Buffer.from(`${join(volume, 'nasty')}/`), LATIN]), 'coffee');
    service = await Service.start({ volumes: { data: volume } });
    server = await service.serve();
    await service.workers(1);
    id = await server.api.create({ volume: 'data', destination: 'bucket', name: 'listed' });
    await server.api.untilPhase(id, 'Completed');
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143]);
    assert.deepEqual(left, []);
  });

  async function run(...args: string[]) {
    await using program: Longshore = service.client(args, server);
    return await program.finished;
  }

  /** What a command prints, as bytes. */
  async function bytesOf(args: string[], at: Pick<Server, 'api'>) {
    await using program: Longshore = service.client(args, at);
    const pieces: Buffer[] = [];
    program.child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    const { exitCode, stderr } = await program.finished;
    return { exitCode, stderr, bytes: Buffer.concat(pieces) };
  }

  async function listed(...args: string[]): Promise<FileEntry[]> {
    const { exitCode, stdout, stderr } = await run('ls', id, ...args, '--json');
    assert.equal(exitCode, 0, stderr);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  it('lists the root for people, a line each', async () => {
    const { exitCode, stdout } = await run('ls', id);
    assert.equal(exitCode, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.map((line) => line.replace(/^.*Z {2}/, '')).sort(), [
      'empty',
      'link -> ../\\u{1b}[31mred',
      'many/',
      'nasty/',
      'noise',
    ]);
    const line = lines.find((each) => each.endsWith('noise')) ?? '';
    assert.match(line, /^-rw-r----- {2}\d+:\d+ +3 MB {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}noise$/);
  });

  it('lists a directory of many pages whole and in order, however its path is typed', async () => {
    const names = (await listed('/many/')).map(({ path = '' }) => path);
    assert.equal(names.length, MANY);
    assert.deepEqual(names, [...new Set(names)].sort());
    assert.equal(names[0], 'many/f0');
  });

  it('ends quietly when its reader has read enough', async () => {
    const main = service.client(['ls', id, 'many'], server);
    main.child.stdout?.once('data', () => main.child.stdout?.destroy());
    const { exitCode, stderr } = await main.finished;
    assert.deepEqual([exitCode, stderr], [0, '']);
  });

  it('shows nothing to a terminal that it would obey, and names that aren’t UTF-8 in a way of their own', async () => {
    const { stdout } = await run('ls', id, 'nasty');
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Control}\u202e]/u);
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^.*Z {2}/, ''));
    assert.deepEqual(names, ['a\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{a}b\\u{202e}', 'caf\\xe9']);
  });

  it('prints a file’s bytes as they are', async () => {
    const { exitCode, bytes } = await bytesOf(['cat', id, 'noise'], server);
    assert.equal(exitCode, 0);
    assert.ok(bytes.equals(noise));
    assert.equal((await run('cat', id, 'empty')).stdout, '');
    assert.equal((await run('cat', id, `nasty/${NASTY}`)).stdout, 'obeyed');
  });

  it('goes on with a file where a connection was cut, or the server was away', async () => {
    await using proxy = await FaultProxy.start({ port: () => server.port, sees: 'own host' });
    proxy.faults.cuts = ({ bytes }) => bytes > 1e6;
    proxy.faults.answer = (_, response) => {
      const isAway = proxy.passed.length === 2;
      if (isAway) response.destroy();
      return isAway;
    };
    const { exitCode, stderr, bytes } = await bytesOf(['cat', id, 'noise'], { api: new Api(proxy.url) });
    assert.equal(exitCode, 0, stderr);
    assert.ok(bytes.equals(noise));
    assert.ok(proxy.passed.length >= 4, `${proxy.passed.length} requests`);
  });

  it('doesn’t pass a part of a file for the whole, nor what was changed on the way', async () => {
    await using proxy = await FaultProxy.start({ port: () => server.port, sees: 'own host' });
    const at = { api: new Api(proxy.url) };
    proxy.faults.change = (piece) => Buffer.alloc(piece.length, 7);
    const changed = await bytesOf(['cat', id, 'noise'], at);
    assert.equal(changed.exitCode, 1);
    assert.match(changed.stderr, /^longshore: What came isn't the file that was archived: [^\n]+\n$/);
    assert.ok(changed.bytes.length < noise.length);
    // Behind the first million there is nothing but cuts.
    const begun = proxy.passed.length;
    const isLater = (passed: Passed) => proxy.passed.indexOf(passed) > begun;
    proxy.faults = {
      cuts: (passed) => passed.bytes > 1e6 || isLater(passed),
      change: (piece, passed) => (isLater(passed) ? Buffer.alloc(0) : piece),
    };
    const cut = await bytesOf(['cat', id, 'noise'], at);
    assert.equal(cut.exitCode, 1);
    assert.match(
      cut.stderr,
      /^longshore: The file broke off after \d+ bytes, and nothing more came[^\n]+\n$/,
    );
    assert.ok(cut.bytes.length < noise.length);
  });

  it('takes a name that isn’t UTF-8 in Base64, as it lists it', async () => {
    const [{ pathBase64 = '' }] = (await listed('nasty')).filter((entry) => entry.pathBase64);
    assert.deepEqual(Buffer.from(pathBase64, 'base64').subarray('nasty/'.length), LATIN);
    assert.equal((await run('cat', id, '--encoded', pathBase64)).stdout, 'coffee');
    assert.equal((await listed('--encoded', pathBase64))[0].pathBase64, pathBase64);
  });

  it('says in one line what can’t be printed', async () => {
    for (const [path, said] of [
      ['many', /many/],
      ['nowhere', /nowhere/],
      ['../noise', /'\.\.'/],
      ['link', /link/],
    ] as const) {
      const { exitCode, stdout, stderr } = await run('cat', id, path);
      assert.deepEqual([exitCode, stdout], [2, ''], path);
      assert.match(stderr, said);
      assert.match(stderr, /^longshore: [^\n]+\n$/);
    }
  });
});
