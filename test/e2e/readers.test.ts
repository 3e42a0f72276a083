import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { FRAME_BYTES, itemRange, readSeekTable } from '@longshore/tape';
import { execa } from 'execa';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeRuntTree, RUNT_TREE } from '../fixtures/runt-tree.ts';
import { sha256, sha256OfFile } from '../harness/digest.ts';
import { runExport } from '../harness/longshore.ts';
import { Published } from '../harness/published.ts';
import { mountArchive } from '../harness/ratarmount.ts';
import { TapeFile } from '../harness/tape-file.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { builtTool } from '../harness/tools.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';

type Compressed = 'tar.zst' | 'tar.gz';

const PART_MIN_BYTES = 5 * 2 ** 20;
const READ_RANGES = join(import.meta.dirname, '../fixtures/read-ranges.py');
const INFLATE_ONE_MEMBER = join(import.meta.dirname, '../fixtures/inflate-one-member.py');

/** Programs that check an archive, and those that print its tape: their arguments in front of its path. */
const PROGRAMS: Record<Compressed, { check: string[]; print: string[] }> = {
  'tar.zst': { check: ['zstd -tq', '7z t'], print: ['7z x -so'] },
  'tar.gz': { check: ['gzip -tq', 'pigz -tq', '7z t'], print: ['pigz -dcq', '7z x -so'] },
};
const FORMATS = ['tar.zst', 'tar.gz'] as const;
const NAME = 'volume';

/** An archive in a directory, and its tape as zstd or gzip gave it. */
interface Exported {
  published: Published;
  tape: TapeFile;
  /** SHA-256. */
  tapeHash: string;
}

describe('readers of an archive with runts between its parts', function () {
  this.timeout(300_000);
  const archives = new Map<Compressed, Exported>();
  let temp: TempFolder;
  let source: string;

  before(async () => {
    temp = await tempFolder('readers');
    source = join(temp.path, 'source');
    mkdirSync(source);
    makeRuntTree(source);
    for (const format of FORMATS) archives.set(format, await exported(format));
  });
  after(async () => {
    for (const { published, tape } of archives.values()) {
      published[Symbol.dispose]();
      tape[Symbol.dispose]();
    }
    await temp[Symbol.asyncDispose]();
  });

  for (const format of FORMATS) {
    describe(format, () => {
      it('joins runts, and pads the one that has no other beside it', () => {
        const { published } = archiveOf(format);
        assert.equal(published.manifest.archive.parts, RUNT_TREE.parts);
        assert.equal(published.gaps.length, 1);
        const [{ start, end }] = published.gaps;
        const firstFrame = itemRange(RUNT_TREE.paddedItem).start / FRAME_BYTES;
        const excess = end - published.frames[firstFrame].archive_offset - PART_MIN_BYTES;
        assert.ok(start < end && excess >= 0 && excess < 8, `a part ${excess} bytes above the minimum`);
      });

      it('has the same bytes in S3 as in a directory', async () => {
        await using s3 = await startS3();
        await s3.bucket('exports');
        const { archive } = await run('s3://exports/there', format, s3.env);
        assert.equal(archive.parts, RUNT_TREE.parts);
        const here = await sha256OfFile(archiveOf(format).published.archive);
        assert.equal(await hashInS3(s3, `there/${NAME}.${format}`), here);
      });

      for (const command of PROGRAMS[format].check) {
        it(`passes ${command}`, async () => {
          const [program, ...options] = command.split(' ');
          await execa(program, [...options, archiveOf(format).published.archive]);
        });
      }

      for (const command of PROGRAMS[format].print) {
        it(`is the same tape to ${command}`, async () => {
          const { published, tapeHash } = archiveOf(format);
          const [program, ...options] = command.split(' ');
          const child = execa(program, [...options, published.archive], { buffer: false });
          const [printed] = await Promise.all([sha256(child.stdout), child]);
          assert.equal(printed, tapeHash);
        });
      }

      it('has every byte of the tape in a frame that is decoded alone, where the index says', () => {
        const { published, tape } = archiveOf(format);
        for (const frame of published.frames.toReversed()) {
          const raw = tape.read(frame.tape_offset, frame.tape_bytes);
          assert.ok(published.decode(frame).equals(raw), `frame at ${frame.tape_offset}`);
        }
      });

      it('is read at any offset by indexed_zstd or indexed_gzip', async () => {
        const { published } = archiveOf(format);
        const files = published.files.filter(({ type }) => type === 'file').reverse();
        const ranges = files.map(({ data_offset, size }) => `${data_offset} ${size}`).join('\n');
        const python = await builtTool('archive-python');
        const { stdout } = await execa(python, [READ_RANGES, published.archive], { input: ranges });
        const contents = files.map(({ path }) => sha256OfFile(join(source, String(path))));
        assert.deepEqual(stdout.split('\n'), await Promise.all(contents));
      });

      it('is mounted by ratarmount', async () => {
        const path = join(temp.path, `mounted-${format}`);
        await using _mount = await mountArchive(archiveOf(format).published.archive, path);
        // FUSE's times here are a float's, with no room for nanoseconds.
        const differences = compareTrees(join(source, 'files'), join(path, 'files'), { ignore: ['mtime'] });
        assert.deepEqual(differences, []);
      });
    });
  }

  it('tar.zst has its frames listed by zstd --list', async () => {
    const { published, tape } = archiveOf('tar.zst');
    const { stdout } = await execa('zstd', ['--list', '-v', published.archive]);
    assert.match(stdout, new RegExp(`^# Zstandard Frames: ${published.frames.length}$`, 'm'));
    // The padding, and the seek table.
    assert.match(stdout, /^# Skippable Frames: 2$/m);
    assert.match(stdout, new RegExp(`^Decompressed Size: .*\\(${tape.bytes} B\\)$`, 'm'));
  });

  it('tar.zst has every frame in its seek table, to be decoded alone', () => {
    const { published, tape } = archiveOf('tar.zst');
    const { bytes } = published.manifest.archive;
    let tapeOffset = 0;
    let archiveOffset = 0;
    let paddings = 0;
    for (const { raw, compressed } of readSeekTable(published.read(bytes - 64 * 1024, 64 * 1024))) {
      const frame = { archive_offset: archiveOffset, archive_bytes: compressed };
      if (raw === 0) paddings++;
      else assert.ok(published.decode(frame).equals(tape.read(tapeOffset, raw)), `frame at ${tapeOffset}`);
      tapeOffset += raw;
      archiveOffset += compressed;
    }
    assert.equal(tapeOffset, tape.bytes);
    assert.equal(paddings, published.gaps.length);
  });

  it('tar.gz is one member', async () => {
    const { published, tapeHash } = archiveOf('tar.gz');
    const { stdout } = await execa('python3', [INFLATE_ONE_MEMBER, published.archive]);
    assert.equal(stdout, tapeHash);
  });

  function archiveOf(format: Compressed): Exported {
    const found = archives.get(format);
    assert.ok(found);
    return found;
  }

  async function exported(format: Compressed): Promise<Exported> {
    const folder = join(temp.path, format);
    await run(folder, format);
    const published = new Published(folder, { name: NAME, format });
    const tape = await TapeFile.of(published, join(folder, 'tape.tar'));
    return { published, tape, tapeHash: await sha256OfFile(tape.path) };
  }

  async function run(destination: string, format: Compressed, env: Record<string, string> = {}) {
    const args = ['--name', NAME, '--format', format];
    const { exitCode, result, stderr } = await runExport(source, destination, { args, env });
    assert.equal(exitCode, 0, stderr);
    assert.ok(result);
    return result;
  }
});

async function hashInS3({ endpoint, region, credentials }: S3Server, key: string): Promise<string> {
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'exports', Key: key }));
    assert.ok(Body instanceof Readable);
    return await sha256(Body);
  } finally {
    client.destroy();
  }
}
