import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { FORMATS, type Format } from '@longshore/shared';
import { execa } from 'execa';
import fc from 'fast-check';
import { type Codec, createCodec, type FrameSize, thisBuild } from '../src/codec/codec.ts';
import { crc32, crc32Combine } from '../src/crc.ts';
import { FRAME_BYTES } from '../src/layout.ts';
import { readSeekTable } from '../src/seek-table.ts';
import { NAMES, tapeOf } from './awkward-entries.ts';

const DECODE: Record<Format, (frame: Buffer) => Buffer> = {
  'tar.zst': (frame) => zstdDecompressSync(frame),
  'tar.gz': (frame) => inflateRawSync(frame, { finishFlush: constants.Z_SYNC_FLUSH }),
  tar: (frame) => frame,
};

/** Programs that read a whole archive from standard input, and what each must print. */
const READERS: Record<Format, { command: string[]; prints: 'content' | 'nothing' }[]> = {
  'tar.zst': [
    { command: ['zstd', '-tq'], prints: 'nothing' },
    { command: ['zstd', '-dcq'], prints: 'content' },
  ],
  'tar.gz': [
    { command: ['gzip', '-t'], prints: 'nothing' },
    { command: ['pigz', '-t'], prints: 'nothing' },
    { command: ['gzip', '-dc'], prints: 'content' },
    {
      command: [
        'python3',
        '-c',
        'import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.stdin.buffer).read())',
      ],
      prints: 'content',
    },
  ],
  tar: [],
};

/** A piece of the tape, or padding of at least `padding` bytes. */
type Piece = { raw: Buffer } | { padding: number };

function archiveOf(codec: Codec, pieces: readonly Piece[]) {
  const frames: FrameSize[] = [];
  const chunks: Buffer[] = [codec.prologue];
  let total = { tapeBytes: 0, crc32: 0 };
  for (const piece of pieces) {
    const raw = 'raw' in piece ? piece.raw : Buffer.alloc(0);
    const encoded = 'raw' in piece ? [codec.compress(raw)] : [...codec.padding(piece.padding)];
    for (const chunk of encoded) frames.push({ raw: raw.length, compressed: chunk.length });
    chunks.push(...encoded.map((chunk) => Buffer.from(chunk)));
    total = {
      tapeBytes: total.tapeBytes + raw.length,
      crc32: crc32Combine(total.crc32, crc32(raw), raw.length),
    };
  }
  return { frames, bytes: Buffer.concat([...chunks, ...codec.tail(frames, total)]) };
}

async function assertReadable(format: Format, archive: Buffer, content: Buffer): Promise<void> {
  for (const { command, prints } of READERS[format]) {
    const [program, ...options] = command;
    const { stdout, stderr } = await execa(program, options, {
      input: archive,
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    const wanted = prints === 'content' ? content : Buffer.alloc(0);
    assert.ok(Buffer.from(stdout).equals(wanted), `${command.join(' ')} prints something else`);
    assert.equal(Buffer.from(stderr).toString(), '');
  }
}

const contentOf = (pieces: readonly Piece[]) =>
  Buffer.concat(pieces.map((piece) => ('raw' in piece ? piece.raw : Buffer.alloc(0))));

const rawPiece = fc.record({
  raw: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 1, max: 200_000 }).map((length) => Buffer.alloc(length)),
    fc.integer({ min: 1, max: 200_000 }).map((length) => Buffer.alloc(length, 'some text, again and ')),
  ),
});
const paddingPiece = fc.record({ padding: fc.integer({ min: 0, max: 100_000 }) });
const pieces = fc.array(fc.oneof({ weight: 3, arbitrary: rawPiece }, paddingPiece), { maxLength: 8 });

for (const format of FORMATS) {
  describe(`the ${format} codec`, () => {
    const codec = createCodec(format, 3);

    it('makes frames that decode alone, of any size up to a whole one', () => {
      const sizes = [1, 511, 512, 65_535, 65_536, FRAME_BYTES - 1, FRAME_BYTES];
      for (const size of sizes) {
        const raw = randomFillSync(Buffer.alloc(size));
        assert.ok(DECODE[format](codec.compress(raw)).equals(raw), `${size} bytes`);
      }
    });

    it('makes the same frame of zeros without having them', () => {
      for (const size of [1, 1_024, 1_000_000, FRAME_BYTES]) {
        const frame = Buffer.from(codec.zeros(size));
        assert.ok(frame.equals(codec.compress(Buffer.alloc(size))), `${size} bytes`);
        assert.ok(frame.equals(createCodec(format, 3).compress(Buffer.alloc(size))), `${size} bytes, anew`);
        assert.ok(DECODE[format](frame).equals(Buffer.alloc(size)), `${size} bytes, decoded`);
      }
    });

    it('makes the same frame each time, wherever its bytes stand in memory', () => {
      const raw = randomFillSync(Buffer.alloc(100_000)).fill('text ', 0, 50_000);
      const moved = Buffer.concat([Buffer.from('x'), raw]).subarray(1);
      const frame = Buffer.from(codec.compress(raw));
      assert.ok(frame.equals(createCodec(format, 3).compress(moved)));
    });
  });
}

for (const format of ['tar.zst', 'tar.gz'] as const) {
  describe(`an archive of ${format}`, () => {
    const codec = createCodec(format, 3);

    it('is read whole, however it is cut into frames and wherever it is padded', async function () {
      this.timeout(300_000);
      await fc.assert(
        fc.asyncProperty(pieces, async (cut) => {
          if (cut.length === 0) return;
          await assertReadable(format, archiveOf(codec, cut).bytes, contentOf(cut));
        }),
        { numRuns: 15 },
      );
    });

    it('is read whole with 5 MiB of padding at its start, in its middle and at its end', async () => {
      const padding = { padding: 5 * 2 ** 20 };
      const cut = [padding, { raw: Buffer.from('one') }, padding, { raw: Buffer.from('two') }, padding];
      await assertReadable(format, archiveOf(codec, cut).bytes, Buffer.from('onetwo'));
    });

    it('is read whole when it holds a whole frame of zeros and one of noise', async () => {
      const cut = [
        { raw: Buffer.alloc(FRAME_BYTES) },
        { raw: randomFillSync(Buffer.alloc(FRAME_BYTES)) },
        { raw: Buffer.alloc(1_024) },
      ];
      await assertReadable(format, archiveOf(codec, cut).bytes, contentOf(cut));
    });

    it('opens in tar programs, padded between frames and before its tail', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'longshore-codec-'));
      try {
        const file = join(folder, `archive.${format}`);
        const tape = tapeOf(NAMES);
        const padding = { padding: 70_000 };
        const cut = [{ raw: tape.subarray(0, 700) }, padding, { raw: tape.subarray(700) }, padding];
        await writeFile(file, archiveOf(codec, cut).bytes);
        for (const [program, ...options] of [
          ['tar', '-tf'],
          ['bsdtar', '-tf'],
          ['7z', 't'],
        ]) {
          const { stderr } = await execa(program, [...options, file], { env: { LC_ALL: 'C.UTF-8' } });
          assert.equal(stderr, '', program);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('pads in multiples of its unit, at least as much as was asked for', () => {
      for (const bytes of [1, 4, 5, 8, 9, 12_345]) {
        const padding = Buffer.concat([...codec.padding(bytes)]);
        assert.equal(padding.length, Math.ceil(bytes / codec.paddingUnit) * codec.paddingUnit);
      }
      assert.deepEqual([...codec.padding(0)], []);
    });
  });
}

describe('zstd frames', () => {
  it('say their content size and carry a checksum', () => {
    const frame = createCodec('tar.zst', 3).compress(Buffer.from('content'));
    // RFC 8878, 3.1.1.1.1: single segment (bit 5, so that a content size is there), checksum (bit 2).
    assert.equal(frame[4] & 0b0010_0100, 0b0010_0100);
    frame[frame.length - 1] ^= 1;
    assert.throws(() => zstdDecompressSync(frame), /checksum/i);
  });

  it('stand in the seek table with all padding', () => {
    const { bytes, frames } = archiveOf(createCodec('tar.zst', 3), [
      { raw: Buffer.from('first') },
      { padding: 100 },
      { raw: Buffer.from('second') },
    ]);
    assert.deepEqual([...readSeekTable(bytes)], frames);
    assert.deepEqual(
      frames.map(({ raw }) => raw),
      [5, 0, 6],
    );
  });
});

describe('gzip archives', () => {
  it('start with a header that names no time and no system', () => {
    assert.equal(createCodec('tar.gz', 9).prologue.toString('hex'), '1f8b08000000000000ff');
  });

  it('say the size modulo 4 GiB and the CRC', () => {
    const total = { tapeBytes: 2 ** 32 + 7, crc32: 0xdeadbeef };
    const [tail] = createCodec('tar.gz', 6).tail([], total);
    assert.equal(tail.toString('hex'), '0300efbeadde07000000');
  });

  it('end each frame on a byte boundary, before no last block', () => {
    const frame = createCodec('tar.gz', 6).compress(Buffer.from('content'));
    assert.equal(frame.toString('hex', frame.length - 4), '0000ffff');
  });
});

describe('a plain tar', () => {
  it('has neither padding nor tail', () => {
    const codec = createCodec('tar', 0);
    assert.deepEqual([...codec.padding(0)], []);
    assert.throws(() => codec.padding(1), RangeError);
    assert.deepEqual([...codec.tail([], { tapeBytes: 1, crc32: 1 })], []);
  });
});

describe('thisBuild', () => {
  it('names the programs that make the bytes', () => {
    const { node, zlib, zstd } = process.versions;
    assert.deepEqual(thisBuild('1.2.3'), { longshore: '1.2.3', node, zlib, zstd });
  });
});
