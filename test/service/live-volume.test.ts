import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '@longshore/shared';
import { execa } from 'execa';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { CANARY } from '../fixtures/mischief.ts';
import { makeRandomTree, randomBytes, seededRandom } from '../fixtures/random-tree.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type LogLine, logOf } from './log-of.ts';
import { type Server, Service } from './processes.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const LOOK_AGAIN_MS = 10;

const SMALL_FILES = 5_000;

/** curl's word for a connection that was reset, and for any that ended before the Content-Length. */
const RESET = 56;
const BROKEN_OFF = [18, RESET];

interface Download {
  child: ChildProcess;
  /** Takes what still comes, and says how curl ended. */
  rest(): Promise<{ exitCode: number; received: Buffer }>;
}

type Line = LogLine & { volume?: string; path?: string; kind?: string };

const curl = (...args: string[]) => execa('curl', ['--silent', '--show-error', '--fail-with-body', ...args]);

describe('a live volume, as a tar over HTTP', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let server: Server;
  let log: Line[];

  const at = (...names: string[]) => join(temp.path, ...names);
  const address = (volume: string) => `${server.api.url}/v1/volumes/${volume}/archive.tar`;
  const plans = () => at('plans');
  const get = (volume: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(address(volume), { method, headers });
  const etagOf = async (volume: string, headers: Record<string, string> = {}) =>
    (await get(volume, headers, 'HEAD')).headers.get('etag') ?? '';

  async function start(port?: number): Promise<void> {
    server = await service.serve(port);
    log = logOf(server.process);
  }

  async function restart(signal: NodeJS.Signals): Promise<void> {
    server.process.kill(signal);
    await server.process.finished;
    await start(server.port);
  }

  before(async () => {
    temp = await tempFolder('live');
    const tree = at('tree');
    makeRandomTree(tree, { seed: 77, bytes: 90e6, files: 300 });
    mkdirSync(join(tree, 'small'));
    for (let n = 0; n < SMALL_FILES; n++) writeFileSync(join(tree, 'small', `file-${n}`), `${n}`);
    mkdirSync(join(tree, 'empty'));
    symlinkSync('d1/e1', join(tree, 'shortcut'));
    linkSync(join(tree, 'd0/e0/f0'), join(tree, 'another-name'));
    for (const name of ['changing', 'outside']) mkdirSync(at(name));
    mkdirSync(at('sparse'));
    writeFileSync(at('sparse', 'disk'), '');
    truncateSync(at('sparse', 'disk'), 20 * GIB);
    service = await Service.start({
      volumes: { ...{ tree, changing: at('changing'), sparse: at('sparse') }, away: at('nowhere') },
      settings: { live: { folder: plans(), fresh: '1h' } },
    });
    await start();
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0]);
    assert.deepEqual(left, []);
  });

  async function assertIs(volume: string, archive: string): Promise<void> {
    const extracted = at('extracted');
    await mkdir(extracted);
    await execa('tar', ['--extract', '--same-permissions', '--file', archive, '--directory', extracted]);
    assert.deepEqual(compareTrees(volume, extracted), []);
    await rm(extracted, { recursive: true });
  }

  /** Starts a download that stands still once so many bytes of it have come: nobody takes more of curl. */
  async function begun(
    volume: string,
    { bytes, args = [] }: { bytes: number; args?: string[] },
  ): Promise<Download> {
    const child = spawn('curl', ['--silent', '--no-buffer', ...args, address(volume)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit').then(([code]) => Number(code));
    const chunks: Buffer[] = [];
    for (let got = 0; got < bytes; ) {
      const chunk: Buffer | null = child.stdout.read();
      if (chunk) got += chunks.push(chunk) && chunk.length;
      else await once(child.stdout, 'readable');
    }
    const rest = async () => {
      for await (const chunk of child.stdout) chunks.push(chunk);
      return { exitCode: await exited, received: Buffer.concat(chunks) };
    };
    return { child, rest };
  }

  async function logged(test: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const found = log.find(test);
      if (found) return found;
      await delay(LOOK_AGAIN_MS);
    }
  }

  it('comes whole, as long as it said, and GNU tar makes the volume of it again', async () => {
    const head = await get('tree', {}, 'HEAD');
    const archive = at('whole.tar');
    await curl('--output', archive, address('tree'));
    assert.equal(head.headers.get('content-length'), String(statSync(archive).size));
    assert.equal(head.headers.get('accept-ranges'), 'bytes');
    assert.match(head.headers.get('content-disposition') ?? '', /^attachment; filename=tree\.tar$/);
    await assertIs(at('tree'), archive);
  });

  it('goes on where it broke off, after the server was killed and started again', async () => {
    const etag = await etagOf('tree');
    const archive = at('resumed.tar');
    const download = await begun('tree', { bytes: 30 * MIB });
    await restart('SIGKILL');
    const { exitCode, received } = await download.rest();
    assert.ok(BROKEN_OFF.includes(exitCode), `${exitCode}`);
    writeFileSync(archive, received);
    const size = received.length;
    const { stdout } = await curl(
      ...['--continue-at', '-', '--output', archive, '--write-out', '%{http_code} %{size_download}'],
      address('tree'),
    );
    const whole = statSync(at('whole.tar')).size;
    assert.equal(stdout, `206 ${whole - size}`);
    assert.equal(await sha256OfFile(archive), await sha256OfFile(at('whole.tar')));
    assert.equal(await etagOf('tree'), etag);
    assert.ok(!log.some(({ msg }) => msg.startsWith('planned')));
  });

  it('is the same when it is planned again and has not changed', async () => {
    const etag = await etagOf('tree');
    server.process.kill('SIGTERM');
    await server.process.finished;
    rmSync(plans(), { recursive: true });
    await start(server.port);
    const answer = await get('tree', { range: 'bytes=1000000-1000999', 'if-match': etag });
    assert.deepEqual([answer.status, answer.headers.get('etag')], [206, etag]);
    const part = readFileSync(at('whole.tar')).subarray(1_000_000, 1_001_000);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(part));
    assert.ok(log.some(({ msg }) => msg.startsWith('planned')));
  });

  it('comes in any range, which is the same bytes', async () => {
    const whole = readFileSync(at('whole.tar'));
    const random = seededRandom(9);
    for (let n = 0; n < 60; n++) {
      const start = Math.floor(random() * whole.length);
      const end = Math.min(whole.length, start + 1 + Math.floor(random() * random() * 8 * MIB));
      const answer = await get('tree', { range: `bytes=${start}-${end - 1}` });
      assert.equal(answer.status, 206);
      assert.ok(
        Buffer.from(await answer.arrayBuffer()).equals(whole.subarray(start, end)),
        `${start}-${end}`,
      );
    }
    const tail = await get('tree', { range: 'bytes=-1500' });
    assert.ok(Buffer.from(await tail.arrayBuffer()).equals(whole.subarray(-1_500)));
  });

  it('follows the conditions and the ranges of HTTP', async () => {
    const etag = await etagOf('tree');
    const { size } = statSync(at('whole.tar'));
    assert.equal((await get('tree', { 'if-none-match': etag })).status, 304);
    assert.equal((await get('tree', { 'if-match': '"other"' }, 'HEAD')).status, 412);
    const beyond = await get('tree', { range: `bytes=${size}-` });
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${size}`]);
    const other = await get('tree', { range: 'bytes=5-9', 'if-range': '"other"' });
    assert.deepEqual([other.status, other.headers.get('content-length')], [200, String(size)]);
    await other.body?.cancel();
    const same = await get('tree', { range: 'bytes=5-9', 'if-range': etag });
    assert.deepEqual([same.status, (await same.arrayBuffer()).byteLength], [206, 5]);
  });

  it('reads the end of a 20 GiB file without what is before it', async () => {
    const fd = openSync(at('sparse', 'disk'), 'r+');
    writeSync(fd, 'the end', 20 * GIB - 7);
    closeSync(fd);
    const answer = await get('sparse', { range: 'bytes=-1536', 'cache-control': 'no-cache' });
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.ok(Number(answer.headers.get('content-range')?.split('/')[1]) > 20 * GIB);
    assert.equal(bytes.subarray(505, 512).toString(), 'the end');
    for (const gib of [1, 7, 19]) {
      const zeros = await get('sparse', { range: `bytes=${gib * GIB}-${gib * GIB + 99}` });
      assert.ok(Buffer.from(await zeros.arrayBuffer()).equals(Buffer.alloc(100)));
    }
  });

  describe('that changes', () => {
    const path = (name: string) => at('changing', name);
    const content = randomBytes(seededRandom(3), 40 * MIB);

    /** Two large files, and what is to be changed behind them. */
    beforeEach(() => {
      rmSync(at('changing'), { recursive: true });
      mkdirSync(at('changing'));
      for (const name of ['a', 'b', 'victim']) writeFileSync(path(name), content);
    });

    it('has another ETag then', async () => {
      const anew = { 'cache-control': 'no-cache' };
      const etag = await etagOf('changing', anew);
      assert.equal(await etagOf('changing', anew), etag);
      writeFileSync(path('new'), 'new');
      assert.equal(await etagOf('changing'), etag, 'the plan is good for an hour');
      const changed = await etagOf('changing', anew);
      assert.notEqual(changed, etag);
      const resumed = await get('changing', { range: 'bytes=100-199', 'if-match': etag });
      assert.deepEqual(
        [resumed.status, resumed.headers.get('etag')],
        [206, etag],
        'a download goes on with its plan',
      );
      const unsure = await get('changing', { range: 'bytes=100-199' });
      assert.deepEqual([unsure.status, Problem.parse(await unsure.json()).code], [409, 'VOLUME_CHANGED']);
    });

    const CHANGES: { kind: string; act: (file: string) => void }[] = [
      { kind: 'shrank', act: (file) => truncateSync(file, 10 * MIB) },
      { kind: 'vanished', act: (file) => rmSync(file) },
      { kind: 'changed', act: (file) => writeFileSync(file, content) },
      {
        kind: 'changed',
        act: (file) => {
          writeFileSync(at('outside', 'canary'), CANARY.repeat(MIB));
          rmSync(file);
          symlinkSync(at('outside', 'canary'), file);
        },
      },
    ];
    for (const { kind, act } of CHANGES)
      it(`breaks off, and says why, where a file ${kind} before it was read`, async () => {
        await curl(
          '--output',
          '/dev/null',
          '--header',
          'Cache-Control: no-cache',
          '--range',
          '0-0',
          address('changing'),
        );
        const etag = await etagOf('changing');
        const archive = at('drifted.tar');
        log.length = 0;
        const download = await begun('changing', { bytes: 10 * MIB });
        act(path('victim'));
        const { exitCode, received } = await download.rest();
        assert.equal(exitCode, RESET);
        writeFileSync(archive, received);
        const line = await logged(({ msg }) => msg.includes('was cut off'));
        assert.deepEqual([line.volume, line.path, line.kind], ['changing', '"victim"', kind]);
        // Two files and what's before the third's content; none of the third's.
        assert.ok(!received.includes(CANARY));
        assert.ok(received.length <= 2 * content.length + 8 * 1_024, `${received.length}`);
        const resumed = await execa(
          'curl',
          ['--silent', '--fail', '-C', '-', '-o', archive, address('changing')],
          {
            reject: false,
          },
        );
        assert.equal(resumed.exitCode, 22, 'a plain resumption is refused');
        const named = await get('changing', { range: 'bytes=5-', 'if-match': etag });
        assert.equal(named.status, 412);
        await curl('--output', archive, address('changing'));
        await assertIs(at('changing'), archive);
        rmSync(archive);
      });

    it('breaks off where a folder is swapped for a link that leads outside', async () => {
      mkdirSync(path('x'));
      writeFileSync(path('x/victim'), content);
      mkdirSync(at('outside', 'x'), { recursive: true });
      writeFileSync(at('outside', 'x', 'victim'), CANARY.repeat(MIB).slice(0, content.length));
      const download = await begun('changing', {
        bytes: 10 * MIB,
        args: ['--header', 'Cache-Control: no-cache'],
      });
      renameSync(path('x'), at('outside', 'old-x'));
      symlinkSync(at('outside', 'x'), path('x'));
      const { exitCode, received } = await download.rest();
      assert.equal(exitCode, RESET);
      assert.ok(!received.includes(CANARY));
      rmSync(at('outside'), { recursive: true });
      mkdirSync(at('outside'));
    });
  });

  it('frees what a download took when its reader leaves', async () => {
    await restart('SIGTERM');
    await (await get('tree', { range: 'bytes=0-9' })).arrayBuffer();
    const idle = await settled();
    for (let round = 0; round < 3; round++) {
      const downloads = await Promise.all([0, 1, 2].map(() => begun('tree', { bytes: 5 * MIB })));
      for (const { child } of downloads) child.kill('SIGKILL');
      await Promise.all(downloads.map(({ rest }) => rest()));
    }
    // Two more threads wait for the next downloads, each with its own event loop's descriptors.
    await until(() => filesOf('tree').length === 0);
    assert.deepEqual(filesOf('tree'), []);
    assert.ok(threads() <= idle + 3, `${threads()} threads, ${idle} before`);
  });

  it('refuses what it cannot give, with a word on it', async () => {
    const unknown = Problem.parse(await (await get('unheard-of')).json());
    assert.deepEqual([unknown.status, unknown.code], [404, 'NO_SUCH_VOLUME']);
    const away = Problem.parse(await (await get('away')).json());
    assert.deepEqual([away.status, away.code], [503, 'VOLUME_NOT_HERE']);
    assert.ok(!JSON.stringify(away).includes(temp.path), away.detail);
  });

  /** Descriptors of the server that lead into a volume. */
  function filesOf(volume: string): string[] {
    const folder = `/proc/${server.process.pid}/fd`;
    return readdirSync(folder)
      .flatMap((fd) => targetOf(join(folder, fd)))
      .filter((target) => target.startsWith(at(volume)));
  }

  const threads = () => readdirSync(`/proc/${server.process.pid}/task`).length;

  /** The number of threads, once it's what it was a moment ago. */
  async function settled(): Promise<number> {
    for (let before = -1; ; ) {
      const now = threads();
      if (now === before) return now;
      before = now;
      await delay(200);
    }
  }
});

async function until(test: () => boolean): Promise<void> {
  while (!test()) await delay(LOOK_AGAIN_MS);
}

/** Where a descriptor leads; nowhere where it was closed just now. */
function targetOf(link: string): string[] {
  try {
    return [readlinkSync(link)];
  } catch {
    return [];
  }
}
