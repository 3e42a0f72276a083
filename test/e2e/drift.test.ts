import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CANARY, MISCHIEF, type Mischief, NEW, PLANNED_BYTES } from '../fixtures/mischief.ts';
import { randomBytes, randomText, seededRandom } from '../fixtures/random-tree.ts';
import { runExport } from '../harness/longshore.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { stagedExport } from '../harness/staged-export.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { extract, readWholeArchive, type WholeArchive } from '../harness/whole-archive.ts';

const latin1 = (path: string | Buffer) => (typeof path === 'string' ? path : path.toString('latin1'));

/** Root reads everything; without these two capabilities it's like everybody else. */
const WITHOUT_OVERRIDE = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];
const prefix = process.getuid?.() === 0 ? WITHOUT_OVERRIDE : [];

describe('a volume that changes during its export', () => {
  let redis: RedisServer;
  let temp: TempFolder;
  let volume: string;
  let destination: string;
  let outside: string;

  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  beforeEach(async () => {
    temp = await tempFolder('drift');
    [volume, destination, outside] = ['volume', 'destination', 'outside'].map((name) =>
      join(temp.path, name),
    );
    for (const folder of [volume, destination, outside]) mkdirSync(folder);
    writeFileSync(join(outside, 'canary'), CANARY.repeat(PLANNED_BYTES / CANARY.length));
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  const inVolume = (path: string | Buffer) =>
    Buffer.concat([Buffer.from(`${volume}/`), typeof path === 'string' ? Buffer.from(path) : path]);

  const exported = (between: () => void | Promise<void>, args: string[] = []) =>
    stagedExport({ source: volume, destination, redis, args: ['--name', 'drift', ...args] }, between, {
      prefix,
    });

  function plant(random: () => number, { path, planned }: Mischief): Buffer {
    const content = planned === undefined ? randomBytes(random, PLANNED_BYTES) : Buffer.from(planned);
    writeFileSync(inVolume(path), content);
    return content;
  }

  function expected(planned: Buffer, { archived }: Mischief): Buffer {
    if (archived === 'planned') return planned;
    if (archived === 'new') return NEW;
    const kept = archived === 'rest-zeros' ? planned.subarray(0, 1_000) : Buffer.alloc(0);
    return Buffer.concat([kept, Buffer.alloc(planned.length - kept.length)]);
  }

  function assertNoCanary({ tape }: WholeArchive): void {
    assert.equal(
      tape.includes(CANARY.slice(0, 20)),
      false,
      'bytes from outside of the volume are in the archive',
    );
  }

  it('records every file that changed, and archives the others as they are', async () => {
    const random = seededRandom(1);
    const planned = MISCHIEF.map((mischief) => plant(random, mischief));
    const untouched = randomBytes(random, 3_000_000);
    writeFileSync(inVolume('untouched'), untouched);

    const { exitCode, result, stderr } = await exported(() => {
      for (const { path, act } of MISCHIEF) act(inVolume(path), outside);
    });

    assert.equal(exitCode, 3, stderr);
    assert.equal(result?.drift.count, MISCHIEF.length);
    const published = readWholeArchive(destination);
    assert.deepEqual(
      [...published.drift].sort(),
      MISCHIEF.map(({ path, kind }): [string, string] => [latin1(path), kind]).sort(),
    );
    const raw = published.manifest.drift.first.find(({ pathBase64 }) => pathBase64 !== undefined);
    assert.deepEqual(Buffer.from(raw?.pathBase64 ?? '', 'base64'), Buffer.from('bytes-\xff-\xc3', 'latin1'));
    for (const [at, mischief] of MISCHIEF.entries()) {
      const right = published.content(latin1(mischief.path)).equals(expected(planned[at], mischief));
      assert.ok(right, `${latin1(mischief.path)} is not archived as ${mischief.archived}`);
    }
    assertNoCanary(published);
    const to = join(temp.path, 'extracted');
    extract(join(destination, 'drift.tar.zst'), to);
    assert.ok(readFileSync(join(to, 'untouched')).equals(untouched));
  });

  it('reads nothing through a directory that was swapped for a symbolic link, or moved out', async () => {
    const names = ['one', 'two', 'empty'];
    for (const folder of ['linked/deep', 'moved', 'moved-and-linked']) {
      mkdirSync(inVolume(folder), { recursive: true });
      for (const name of names)
        writeFileSync(inVolume(`${folder}/${name}`), name === 'empty' ? '' : 'planned');
    }
    mkdirSync(join(outside, 'deep'));
    for (const name of names) writeFileSync(join(outside, 'deep', name), CANARY);

    const { exitCode } = await exported(() => {
      rmSync(inVolume('linked'), { recursive: true });
      symlinkSync(outside, inVolume('linked'));
      for (const folder of ['moved', 'moved-and-linked']) renameSync(inVolume(folder), join(outside, folder));
      symlinkSync(join(outside, 'moved-and-linked'), inVolume('moved-and-linked'));
      // The empty ones stay as they were: nothing tells them from the planned ones but the way to them.
      for (const folder of ['moved', 'moved-and-linked']) {
        for (const name of ['one', 'two']) writeFileSync(join(outside, folder, name), CANARY);
      }
    });

    assert.equal(exitCode, 3);
    const published = readWholeArchive(destination);
    const folders = ['linked/deep', 'moved', 'moved-and-linked'];
    const gone = folders.flatMap((folder) => names.map((name) => [`${folder}/${name}`, 'vanished']));
    assert.deepEqual([...published.drift].sort(), gone.sort());
    assert.deepEqual(published.content('linked/deep/one'), Buffer.alloc('planned'.length));
    assertNoCanary(published);
  });

  it('leaves the writer of a FIFO blocked that took the place of a file', async () => {
    writeFileSync(inVolume('queue'), 'a file, when it was planned');
    const fifo = inVolume('queue').toString();
    let writer: ChildProcess | undefined;
    let said = '';
    try {
      const { exitCode } = await exported(async () => {
        unlinkSync(fifo);
        execFileSync('mkfifo', [fifo]);
        writer = blockedWriter(fifo);
        writer.stdout?.on('data', (text) => {
          said += text;
        });
        await once(writer.stdout!, 'data');
      });
      assert.equal(exitCode, 3);
      assert.equal(said, 'opening\n');
      assert.deepEqual([...readWholeArchive(destination).drift], [['queue', 'changed']]);
      assert.equal(execFileSync('timeout', ['10', 'cat', fifo]).toString(), 'precious');
    } finally {
      writer?.kill('SIGKILL');
    }
  });

  it('makes a consistent archive of a volume that never stands still', async () => {
    const random = seededRandom(2);
    const steady = Array.from({ length: 24 }, (_, file) => `steady-${file}`);
    for (const name of steady) writeFileSync(inVolume(name), randomText(random, 4_000_000));
    mkdirSync(inVolume('changing/folder'), { recursive: true });
    mkdirSync(join(outside, 'decoys'));
    for (let file = 0; file < 6; file++) {
      writeFileSync(inVolume(`changing/${file}`), randomBytes(random, 400_000));
      writeFileSync(inVolume(`changing/folder/${file}`), randomBytes(random, 1_000));
      writeFileSync(join(outside, 'decoys', String(file)), CANARY.repeat(100));
    }
    const program = join(import.meta.dirname, '../fixtures/keep-changing.py');
    const changer = spawn('python3', [program, volume, outside], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(changer.stdout, 'data');
      const { exitCode, result, stderr } = await runExport(volume, destination, {
        args: ['--name', 'drift'],
      });
      assert.equal(changer.exitCode, null, 'the volume stood still');
      assert.equal(exitCode, result?.drift.count === 0 ? 0 : 3, stderr);
    } finally {
      changer.kill('SIGKILL');
    }
    const whole = readWholeArchive(destination);
    for (const path of whole.drift.keys()) assert.match(path, /^changing\//);
    assertNoCanary(whole);
    const to = join(temp.path, 'extracted');
    extract(join(destination, 'drift.tar.zst'), to);
    for (const name of steady)
      assert.ok(readFileSync(join(to, name)).equals(readFileSync(inVolume(name))), name);
  });

  describe('with --on-change fail', () => {
    it('fails and names a directory that cannot be listed', async () => {
      mkdirSync(inVolume('closed'), { mode: 0o300 });
      const { exitCode, stderr } = await runExport(volume, destination, {
        args: ['--on-change', 'fail'],
        prefix,
      });
      assert.equal(exitCode, 1);
      assert.match(stderr, /^longshore: "closed" could not be read[^\n]*\n$/);
      assert.deepEqual(readdirSync(destination), []);
    });

    const cases: [string, string, (file: Buffer) => void][] = [
      ['is truncated', 'content', (file) => truncateSync(file, 10)],
      ['is touched', 'content', (file) => utimesSync(file, 1, 1)],
      ['is deleted', 'content', unlinkSync],
      ['can no longer be read', 'content', (file) => chmodSync(file, 0)],
      ['grows from nothing', '', (file) => appendFileSync(file, 'something')],
    ];
    for (const [what, content, act] of cases) {
      it(`fails, names the file and leaves nothing when one ${what}`, async () => {
        writeFileSync(inVolume('steady'), 'steady');
        writeFileSync(inVolume('the culprit'), content);
        const { exitCode, stderr, stdout } = await exported(
          () => act(inVolume('the culprit')),
          ['--on-change', 'fail'],
        );
        assert.equal(exitCode, 1);
        assert.match(stderr, /^longshore: [^\n]*"the culprit"[^\n]*\n$/);
        assert.equal(stdout, '');
        assert.deepEqual(readdirSync(destination), []);
      });
    }
  });
});

/** Says `opening`, opens a FIFO for writing, which waits for a reader, says so, and writes. */
function blockedWriter(fifo: string): ChildProcess {
  const program = `
import sys
print("opening", flush=True)
with open(sys.argv[1], "w") as fifo:
    print("opened", flush=True)
    fifo.write("precious")
`;
  return spawn('python3', ['-c', program, fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
}
