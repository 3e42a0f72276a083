import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FORMATS, type Format } from '@longshore/shared';
import { compareTrees, type Difference } from '../fixtures/compare-trees.ts';
import { makeNastyTree, removeTree } from '../fixtures/nasty-tree.ts';
import { Longshore, runExport, type StartOptions } from '../harness/longshore.ts';
import { Published } from '../harness/published.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { toldProgress } from './told-progress.ts';

/** A socket has no entry in any tar. */
const SOCKET = ({ path, field }: Difference) => path === 'socket' && field === 'entry';

/** As `compareTrees` shows a path. */
const nameOf = ({ path, pathBase64 = '' }: { path?: string; pathBase64?: string }) =>
  path ?? Buffer.from(pathBase64, 'base64').toString('latin1');

/** An ordinary user, without any capability. */
const ORDINARY = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--bounding-set=-all'];

interface Restored {
  exitCode: number | null;
  stderr: string;
  whole: boolean;
  troubles: { path?: string; pathBase64?: string; kind: string }[];
}

async function restore(archive: string, dir: string, options: StartOptions = {}): Promise<Restored> {
  await using longshore = new Longshore(['restore', archive, dir, '--json'], options);
  const { exitCode, stdout, stderr } = await longshore.finished;
  return { exitCode, stderr, ...(stdout.startsWith('{') ? JSON.parse(stdout) : {}) };
}

describe('restore', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let source: string;
  let target: string;

  before(async () => {
    temp = await tempFolder('restore');
    source = join(temp.path, 'source');
    mkdirSync(source);
    makeNastyTree(source, { seed: 5, itemBoundary: true });
  });
  after(async () => {
    removeTree(source);
    await temp[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    target = join(temp.path, 'target');
  });
  afterEach(() => removeTree(target));

  async function exported(format: Format, name: string = format): Promise<string> {
    const folder = join(temp.path, name);
    const args = ['--name', 'nasty', '--format', format];
    const { exitCode, stderr } = await runExport(source, folder, { args });
    assert.equal(exitCode, 0, stderr);
    return join(folder, `nasty.${format}`);
  }

  /** Changes a byte in the middle of a file's content; answers the paths whose content shares its frame. */
  function damage(archive: string, { format, path }: { format: Format; path: string }): Set<string> {
    using published = new Published(join(temp.path, format), { name: 'nasty', format });
    const file = published.files.find((each) => each.path === path)!;
    const at = (file.data_offset ?? 0) + Math.floor(file.size / 2);
    const frame = published.frames.find((each) => each.tape_offset + each.tape_bytes > at)!;
    const bytes = readFileSync(archive);
    const within = format === 'tar' ? at - frame.tape_offset : Math.floor(frame.archive_bytes / 2);
    bytes[frame.archive_offset + within] ^= 0x55;
    writeFileSync(archive, bytes);
    const [start, end] = [frame.tape_offset, frame.tape_offset + frame.tape_bytes];
    const isOn = ({ data_offset: from, size }: (typeof published.files)[number]) =>
      from !== null && from < end && from + size > start;
    return new Set(published.files.filter(isOn).map((each) => String(each.path)));
  }

  for (const format of FORMATS) {
    describe(`from a ${format}`, () => {
      let archive: string;

      before(async () => {
        archive = await exported(format);
      });
      after(() => rmSync(join(temp.path, format), { recursive: true }));

      it('makes everything that breaks archivers as it was', async () => {
        const { exitCode, stderr, whole, troubles } = await restore(archive, target);
        assert.equal(exitCode, 0, stderr);
        assert.equal(whole, true);
        assert.deepEqual(troubles, []);
        assert.deepEqual(compareTrees(source, target, { ignore: [SOCKET] }), []);
      });

      it('takes no directory that holds something', async () => {
        mkdirSync(target);
        writeFileSync(join(target, 'mine'), 'mine');
        const { exitCode, stderr } = await restore(archive, target);
        assert.equal(exitCode, 2);
        assert.match(stderr, /target is not empty: name a directory that is, or a new one/);
        assert.deepEqual(readdirSync(target), ['mine']);
      });

      it('takes no directory whose parent is missing', async () => {
        const { exitCode, stderr } = await restore(archive, join(target, 'a/b'));
        assert.equal(exitCode, 2);
        assert.match(stderr, /can't be restored to \(ENOENT\): make its parent first/);
      });

      it('names a damaged file, and loses nothing else', async () => {
        const path = `sizes/${64 * 2 ** 20}`;
        const sharing = damage(archive, { format, path });
        assert.deepEqual([...sharing], [path]);
        const { exitCode, whole, troubles } = await restore(archive, target);
        assert.equal(exitCode, 1);
        assert.equal(whole, false);
        assert.deepEqual(
          troubles.map((trouble) => trouble.path),
          [path],
        );
        const differences = compareTrees(source, target, { ignore: [SOCKET] });
        assert.deepEqual(
          differences.map(({ path, field }) => [path, field]),
          [[path, 'content']],
        );
      });

      it('makes what is left of an archive that was cut, and names the rest', async () => {
        truncateSync(archive, Math.floor(statSync(archive).size / 2));
        const { exitCode, troubles } = await restore(archive, target);
        assert.equal(exitCode, 1);
        const named = new Set(troubles.map(nameOf));
        assert.ok(!named.has('acls/file'));
        assert.ok(named.has('xattrs/file'));
        const differences = compareTrees(source, target, { ignore: [SOCKET] });
        assert.deepEqual(
          differences.filter(({ path }) => !named.has(path)),
          [],
        );
      });
    });
  }

  it('tells how far it is, and nothing at all of one that is done with --quiet', async () => {
    const archive = await exported('tar', 'told');
    const told = await toldProgress(['restore', archive, target]);
    assert.equal(told.at(0)?.doneBytes, 0);
    assert.equal(told.at(-1)?.doneBytes, told[0].bytes);
    rmSync(target, { recursive: true });
    await using quiet = new Longshore(['restore', archive, target, '--quiet']);
    const { stdout, stderr } = await quiet.finished;
    assert.deepEqual([stdout, stderr], ['', '']);
  });

  it('is interrupted cleanly: what was made is there, and nothing else is left', async () => {
    const archive = await exported('tar.gz', 'interrupted');
    const spool = join(temp.path, 'spool');
    mkdirSync(spool);
    await using longshore = new Longshore(['restore', archive, target, '--threads', '1'], {
      env: { TMPDIR: spool },
    });
    let over = false;
    void longshore.finished.then(() => {
      over = true;
    });
    while (!over && !existsSync(join(target, 'sizes'))) await delay(5);
    longshore.kill('SIGINT');
    const { exitCode, stderr } = await longshore.finished;
    assert.equal(exitCode, 130);
    assert.match(stderr, /Interrupted by SIGINT; what was restored so far is there/);
    assert.deepEqual(readdirSync(spool), []);
  });

  it('gives an ordinary user what such a one may have, and names the rest', async () => {
    const archive = await exported('tar.zst', 'ordinary');
    chmodSync(temp.path, 0o755);
    mkdirSync(join(temp.path, 'home'));
    chmodSync(join(temp.path, 'home'), 0o777);
    target = join(temp.path, 'home/target');
    const env = { HOME: join(temp.path, 'home'), NODE_COMPILE_CACHE: join(temp.path, 'home/cache') };
    const { exitCode, stderr, troubles } = await restore(archive, target, { env, prefix: ORDINARY });
    assert.equal(exitCode, 1, stderr);
    const named = new Set(troubles.map(({ path }) => path));
    const other = compareTrees(source, target, { ignore: [SOCKET, 'owner'] });
    assert.deepEqual(
      other.filter(({ path }) => !named.has(path)),
      [],
    );
    const missing = troubles.filter(({ kind }) => kind === 'failed').map(({ path }) => path);
    const devices = [
      'links-a/device',
      'links-z/device-again',
      'types/block',
      'types/character',
      'xattrs/device',
    ];
    assert.deepEqual(missing.sort(), devices);
  });

  it('reads an archive from a bucket, in ranges', async () => {
    await using s3: S3Server = await startS3();
    const uri = `s3://${await s3.bucket('restore')}/some/prefix`;
    const { exitCode, stderr } = await runExport(source, uri, { args: ['--name', 'nasty'], env: s3.env });
    assert.equal(exitCode, 0, stderr);
    const restored = await restore(`${uri}/nasty.tar.zst`, target, { env: s3.env });
    assert.equal(restored.exitCode, 0, restored.stderr);
    assert.deepEqual(compareTrees(source, target, { ignore: [SOCKET] }), []);
  });
});
