import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { MemoryStore } from '@longshore/store';
import { createCodec, FRAME_BYTES, IndexReader, IndexWriter } from '@longshore/tape';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { TapeReader } from '../src/browse/tape-reader.ts';

const KEY = 'archive.tar.zst';
const FRAMES = 5;

describe('a tape reader', () => {
  /** Noise, so that each piece is told from any other; the last frame is a short one. */
  const tape = randomFillSync(Buffer.alloc(FRAMES * FRAME_BYTES - 123_456));
  let temp: TempFolder;
  let file: string;
  let archive: Buffer;

  beforeEach(async () => {
    temp = await tempFolder('tape-reader');
    file = join(temp.path, 'index.sqlite');
    using index = new IndexWriter(file);
    const codec = createCodec('tar.zst', 3);
    const frames: Buffer[] = [];
    for (let tapeOffset = 0, archiveOffset = 0; tapeOffset < tape.length; tapeOffset += FRAME_BYTES) {
      const raw = tape.subarray(tapeOffset, tapeOffset + FRAME_BYTES);
      const frame = Buffer.from(codec.compress(raw));
      index.addFrame({ tapeOffset, tapeBytes: raw.length, archiveOffset, archiveBytes: frame.length });
      archiveOffset += frame.length;
      frames.push(frame);
    }
    index.finish();
    archive = Buffer.concat(frames);
  });

  afterEach(() => temp[Symbol.asyncDispose]());

  async function opened(): Promise<TapeReader> {
    const store = new MemoryStore();
    const { etag } = await store.put(KEY, { bytes: archive.length, chunks: [archive] });
    return new TapeReader({
      archive: { store, key: KEY, bytes: archive.length, etag, index: 'index', manifest: 'manifest' },
      index: new IndexReader(file),
      format: 'tar.zst',
      window: 8 * 2 ** 20,
      signal: new AbortController().signal,
    });
  }

  const read = (reader: TapeReader, start: number, end: number) => buffer(reader.read({ start, end }));

  it('gives ranges, in pieces that stay as they are while others are read', async () => {
    using reader = await opened();
    for (const [start, end] of [
      [0, tape.length],
      [FRAME_BYTES - 1, FRAME_BYTES + 1],
      [2 * FRAME_BYTES, 3 * FRAME_BYTES],
      [tape.length - 1, tape.length],
      [7, 7],
    ])
      assert.ok((await read(reader, start, end)).equals(tape.subarray(start, end)), `${start}-${end}`);
  });

  it('says that a frame is damaged, and gives the others', async () => {
    archive[FRAME_BYTES * 2] ^= 1;
    for (let attempt = 0; attempt < 3; attempt++) {
      using reader = await opened();
      await assert.rejects(read(reader, 0, tape.length), { code: 'CORRUPT' });
      assert.ok((await read(reader, 0, 1_000)).equals(tape.subarray(0, 1_000)));
    }
  });

  it('has nothing to give once it is disposed of, and what it read into is given to nobody before', async () => {
    const first = await opened();
    const pending = first.read({ start: 0, end: tape.length }).next();
    first[Symbol.dispose]();
    using second = await opened();
    const [left, whole] = await Promise.allSettled([pending, read(second, 0, tape.length)]);
    assert.equal(left.status, 'rejected');
    assert.ok(whole.status === 'fulfilled' && whole.value.equals(tape));
    await assert.rejects(read(first, 0, 1), /disposed/);
  });

  for (const [column, value] of [
    ['tape_bytes', 50.5],
    ['tape_bytes', 1e300],
    ['archive_bytes', 2 ** 40],
    ['archive_offset', -1],
  ] as const)
    it(`takes an index for damaged where the ${column} of a frame is ${value}`, async () => {
      using db = new DatabaseSync(file);
      db.prepare(`UPDATE frame SET ${column} = ? WHERE tape_offset = 0`).run(value);
      using reader = await opened();
      await assert.rejects(read(reader, 0, 100), { code: 'CORRUPT' });
    });
});
