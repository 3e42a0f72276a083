import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  compileExcludes,
  createCodec,
  type Entry,
  encodeHeader,
  FRAME_BYTES,
  LinkGroups,
  padded,
  readSegment,
  renderItem,
  Volume,
  walk,
} from '@longshore/tape';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { type PlannedSegment, Planner } from '../src/plan/planner.ts';
import { ITEM, SparseVolume } from './sparse-volume.ts';

const CHUNK = 2 ** 20;

describe('a planned tape', () => {
  let temp: TempFolder;
  let source: SparseVolume;
  let volume: Volume;

  beforeEach(async () => {
    temp = await tempFolder('planned-tape');
    source = new SparseVolume(join(temp.path, 'volume'));
    source
      .file('a/empty')
      .file('a/large', 1.5 * ITEM)
      .file('b', ITEM)
      .file('c/d/e', 4_097);
    source.hardLink('c/link', 'a/large');
    // Data in a few places, on both sides of where items and frames end.
    scatter('a/large', [0, FRAME_BYTES - 3_000, ITEM - 4_096, ITEM + 5, 1.5 * ITEM - 9]);
    scatter('b', [ITEM / 2]);
    volume = Volume.open(source.path);
  });
  afterEach(async () => {
    volume[Symbol.dispose]();
    await source[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  function scatter(name: string, offsets: readonly number[]): void {
    const fd = openSync(join(source.path, name), 'r+');
    for (const offset of offsets) writeSync(fd, `at ${offset}`.slice(0, 9), offset);
    closeSync(fd);
  }

  function plan(): PlannedSegment[] {
    const segments: PlannedSegment[] = [];
    const spool = join(temp.path, 'spool');
    mkdirSync(spool);
    using links = new LinkGroups({ scratch: temp.path });
    const emit = (segment: PlannedSegment) => segments.push(segment);
    new Planner({ volume, exclude: compileExcludes([]), links, spool, emit }).run();
    return segments;
  }

  /** Headers and whole files, one after the other, as anybody would write them. */
  function referenceHash(): string {
    const hash = createHash('sha256');
    using links = new LinkGroups({ scratch: temp.path });
    for (const step of walk(volume, { exclude: compileExcludes([]), links })) {
      if (step.kind !== 'entry') continue;
      hash.update(encodeHeader(step.entry));
      if (step.entry.type === 'file') hashFile(step.entry, hash);
    }
    return hash.digest('hex');
  }

  function hashFile({ path, size }: Entry, hash: Hash): void {
    const fd = openSync(join(source.path, path.toString()), 'r');
    const chunk = Buffer.alloc(CHUNK);
    for (let at = 0; at < size; at += CHUNK)
      hash.update(chunk.subarray(0, readSync(fd, chunk, 0, CHUNK, at)));
    hash.update(Buffer.alloc(padded(size) - size));
    closeSync(fd);
  }

  it('is rendered, item by item, to what a tar of the volume is', () => {
    const hash = createHash('sha256');
    const raw = Buffer.alloc(FRAME_BYTES);
    const codec = createCodec('tar', 0);
    const sink = { frame: (bytes: Buffer) => hash.update(bytes) };
    const segments = plan();
    assert.equal(segments.length, 3);
    for (const { file, start, end } of segments) {
      const options = { volume, codec, raw, sink, onChange: 'fail', ioErrors: 'retry-item' } as const;
      renderItem({ ...options, segment: file, range: { start, end } });
    }
    assert.equal(hash.digest('hex'), referenceHash());
  });

  it('is as long as its entries', () => {
    const segments = plan();
    const feet = segments.map(({ file }) => [...readSegment(file)].at(-1));
    const last = feet.at(-1);
    assert.equal(last?.kind === 'foot' && last.tapeEnd, segments.at(-1)?.end);
  });
});
