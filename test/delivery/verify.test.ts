import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { FORMATS, type Format, publishedKeys } from '@longshore/shared';
import { randomBytes, seededRandom } from '../fixtures/random-tree.ts';
import { Longshore, runExport } from '../harness/longshore.ts';
import { type FileRow, Published } from '../harness/published.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { toldProgress } from './told-progress.ts';

const MIB = 2 ** 20;
/** Root reads everything; without these two capabilities it's like everybody else. */
const WITHOUT_OVERRIDE = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];

interface Verified {
  exitCode: number | null;
  whole: boolean;
  archive: { bytes: number; expectedBytes: number };
  segments: { count: number; damaged: number[] };
  frames: { damaged: number };
  entries: { count: number; files: number };
  damaged: { path: string; reason: string }[];
  recorded: { drift: number; lost: number };
}

async function verify(archive: string, env: Record<string, string> = {}): Promise<Verified> {
  await using longshore = new Longshore(['verify', archive, '--json'], { env });
  const { exitCode, stdout, stderr } = await longshore.finished;
  assert.ok(stdout.startsWith('{'), stderr);
  return { exitCode, ...JSON.parse(stdout) };
}

/** Files of 100 kB to 9 MiB that don't compress, over several frames, and one in a folder with a name of bytes. */
function makeFiles(folder: string): void {
  mkdirSync(join(folder, 'below'), { recursive: true });
  const random = seededRandom(17);
  for (const [name, bytes] of Object.entries({
    a: 100_000,
    b: 9 * MIB,
    'below/c': 3 * MIB,
    d: 0,
    e: 5 * MIB,
  }))
    writeFileSync(join(folder, name), randomBytes(random, bytes));
}

function flipBit(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] ^= 0x10;
  writeFileSync(file, bytes);
}

describe('verify', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let s3: S3Server;
  let source: string;

  before(async () => {
    s3 = await startS3();
    temp = await tempFolder('verify');
    source = join(temp.path, 'source');
    makeFiles(source);
    for (const format of FORMATS) await exported(format);
  });
  after(async () => {
    await temp?.[Symbol.asyncDispose]();
    await s3?.stop();
  });

  async function exported(format: Format): Promise<void> {
    const { exitCode, stderr } = await runExport(source, join(temp.path, format), {
      args: ['--name', 'it', '--format', format],
    });
    assert.equal(exitCode, 0, stderr);
  }

  /** The archive in a folder of its own, to be damaged. */
  async function copyOf(format: Format) {
    const folder = await tempFolder('damaged');
    const keys = publishedKeys('it', format);
    for (const key of Object.values(keys)) copyFileSync(join(temp.path, format, key), join(folder.path, key));
    return {
      archive: join(folder.path, keys.archive),
      index: join(folder.path, keys.index),
      manifest: join(folder.path, keys.manifest),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }

  /** Where in the archive a byte of a file's content is, in its middle, and what shares its frame: the header of `below` too. */
  function middleOf(format: Format, path: string) {
    using published = new Published(join(temp.path, format), { name: 'it', format });
    const file = published.files.find((each) => each.path === path)!;
    const at = (file.data_offset ?? 0) + Math.floor(file.size / 2);
    const frame = published.frames.find((each) => each.tape_offset + each.tape_bytes > at)!;
    const end = frame.tape_offset + frame.tape_bytes;
    const contentTouches = ({ data_offset, size }: FileRow) =>
      data_offset !== null && data_offset < end && data_offset + size > frame.tape_offset;
    const within = format === 'tar' ? at - frame.tape_offset : Math.floor(frame.archive_bytes / 2);
    return {
      offset: frame.archive_offset + within,
      sharing: [...published.files.filter(contentTouches).map((each) => String(each.path)), 'below'],
    };
  }

  for (const format of FORMATS) {
    describe(`of a ${format}`, () => {
      it('says that it is whole', async () => {
        const found = await verify(join(temp.path, format, `it.${format}`));
        assert.equal(found.exitCode, 0);
        assert.equal(found.whole, true);
        assert.deepEqual(found.damaged, []);
        assert.deepEqual([found.entries.count, found.entries.files], [7, 5]);
      });

      it('names the files that a flipped bit has damaged, and no other', async () => {
        await using copy = await copyOf(format);
        const { offset, sharing } = middleOf(format, 'below/c');
        flipBit(copy.archive, offset);
        const found = await verify(copy.archive);
        assert.equal(found.exitCode, 1);
        const names = found.damaged.map(({ path }) => path);
        assert.ok(names.includes('below/c'));
        assert.deepEqual(
          names.filter((name) => !sharing.includes(name)),
          [],
        );
        assert.equal(found.segments.damaged.length, 1);
      });

      it('names the files that a cut archive has lost', async () => {
        await using copy = await copyOf(format);
        truncateSync(copy.archive, middleOf(format, 'below/c').offset);
        const found = await verify(copy.archive);
        assert.equal(found.exitCode, 1);
        assert.notEqual(found.archive.bytes, found.archive.expectedBytes);
        const names = found.damaged.map(({ path }) => path);
        for (const lost of ['below/c', 'd', 'e']) assert.ok(names.includes(lost), lost);
        assert.ok(!names.includes('a'));
      });
    });
  }

  it('finds damage where no file is: in the seek table', async () => {
    await using copy = await copyOf('tar.zst');
    flipBit(copy.archive, readFileSync(copy.archive).length - 12);
    const found = await verify(copy.archive);
    assert.equal(found.exitCode, 1);
    assert.deepEqual([found.damaged, found.frames.damaged], [[], 0]);
    assert.equal(found.segments.damaged.length, 1);
  });

  it('names an entry whose header is damaged, where no frame has a checksum', async () => {
    await using copy = await copyOf('tar');
    using published = new Published(join(temp.path, 'tar'), { name: 'it', format: 'tar' });
    const { data_offset } = published.files.find(({ path }) => path === 'd')!;
    // In its mode: a field of the ustar header, which ends where content begins.
    flipBit(copy.archive, (data_offset ?? 0) - 512 + 104);
    const found = await verify(copy.archive);
    assert.equal(found.exitCode, 1);
    assert.deepEqual(found.damaged, [{ path: 'd', reason: 'unreadable' }]);
  });

  it('tells how far it is, from nothing to everything; and nothing at all of a whole one with --quiet', async () => {
    const archive = join(temp.path, 'tar.zst', 'it.tar.zst');
    const told = await toldProgress(['verify', archive]);
    assert.equal(told.at(0)?.doneBytes, 0);
    assert.ok(told.every(({ bytes }) => bytes === told[0].bytes && bytes > 17 * MIB));
    assert.equal(told.at(-1)?.doneBytes, told[0].bytes);
    await using quiet = new Longshore(['verify', archive, '--quiet']);
    const { exitCode, stdout, stderr } = await quiet.finished;
    assert.deepEqual([exitCode, stdout, stderr], [0, '', '']);
  });

  it('tells people which files are damaged', async () => {
    await using copy = await copyOf('tar');
    flipBit(copy.archive, middleOf('tar', 'e').offset);
    await using longshore = new Longshore(['verify', copy.archive]);
    const { exitCode, stdout } = await longshore.finished;
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /it\.tar is damaged\n(.*\n)*1 of 7 entries are damaged:\n {2}"e": its content is another\n/,
    );
  });

  it('tells what was recorded at the export from damage', async () => {
    await using folder = await tempFolder('drifted');
    const volume = join(folder.path, 'volume');
    makeFiles(volume);
    chmodSync(join(volume, 'e'), 0);
    const prefix = process.getuid?.() === 0 ? WITHOUT_OVERRIDE : [];
    const args = ['--name', 'it'];
    const exported = await runExport(volume, join(folder.path, 'archives'), { args, prefix });
    assert.equal(exported.exitCode, 3);
    const found = await verify(join(folder.path, 'archives/it.tar.zst'));
    assert.equal(found.exitCode, 3);
    assert.equal(found.whole, true);
    assert.deepEqual(found.recorded, { drift: 1, lost: 0 });
  });

  it('reads an archive from a bucket', async () => {
    const uri = `s3://${await s3.bucket('verify')}/some/prefix`;
    const { exitCode, stderr } = await runExport(source, uri, { args: ['--name', 'it'], env: s3.env });
    assert.equal(exitCode, 0, stderr);
    const found = await verify(`${uri}/it.tar.zst`, s3.env);
    assert.deepEqual([found.exitCode, found.whole, found.entries.files], [0, true, 5]);
  });

  for (const part of ['manifest', 'index'] as const) {
    it(`says that the ${part} is missing`, async () => {
      await using copy = await copyOf('tar.zst');
      rmSync(copy[part]);
      await using longshore = new Longshore(['verify', copy.archive]);
      const { exitCode, stderr } = await longshore.finished;
      assert.equal(exitCode, 1);
      assert.match(stderr, new RegExp(`^longshore: it\\.${part}\\.\\w+ is missing`));
    });
  }

  it('refuses what is no archive', async () => {
    for (const [archive, said] of [
      [join(temp.path, 'nothing.tar.zst'), /There is no archive/],
      [join(temp.path, 'source/a'), /is no archive's name/],
    ] as const) {
      await using longshore = new Longshore(['verify', archive]);
      const { exitCode, stderr } = await longshore.finished;
      assert.equal(exitCode, 2);
      assert.match(stderr, said);
    }
  });
});
