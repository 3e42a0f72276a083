import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { Manifest } from '@longshore/shared';

const MAX_TAPE_BYTES = 2 ** 30;

/** Command that decompresses an archive to its standard output. */
const DECOMPRESS: Record<Manifest['archive']['format'], readonly [string, ...string[]]> = {
  'tar.zst': ['zstd', '-dcq'],
  'tar.gz': ['gzip', '-dc'],
  tar: ['cat'],
};

/** An entry as the index has it. */
export interface IndexedEntry {
  type: string;
  size: number;
  dataOffset: number;
  crc32: number | null;
  drift: string | null;
}

/** An archive with everything that was published beside it, proved to agree. */
export interface WholeArchive {
  manifest: Manifest;
  /** The decompressed archive. */
  tape: Buffer;
  /** By path; what isn't UTF-8 as Latin-1 text. */
  entries: Map<string, IndexedEntry>;
  /** Drifted paths and how, as the manifest lists them. */
  drift: Map<string, string>;
  /** A file's bytes in the archive. */
  content(path: string): Buffer;
}

/**
 * Reads what an export left in `folder`, which must be that and nothing else, and asserts that it agrees: the
 * archive's segments, the tape's size and CRC, every file's CRC, and the drift in manifest and index.
 */
export function readWholeArchive(folder: string): WholeArchive {
  const names = objectsIn(folder);
  const manifestName = names.find((name) => name.endsWith('.manifest.json'));
  assert.ok(manifestName, `no manifest in ${folder}: ${names.join()}`);
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, manifestName), 'utf8')));
  const base = manifestName.slice(0, -'.manifest.json'.length);
  assert.deepEqual(names, [`${base}.index.sqlite`, manifestName, manifest.archive.key].sort());
  assertSegments(manifest, readFileSync(join(folder, manifest.archive.key)));
  const tape = decompress(manifest, join(folder, manifest.archive.key));
  const entries = readIndex(join(folder, `${base}.index.sqlite`));
  const whole = { manifest, tape, entries, drift: driftOf(manifest), content: contentOf({ entries, tape }) };
  assertAgreement(whole);
  return whole;
}

/** Every file below `folder`, relative to it; without what an S3 server keeps for itself. */
export function objectsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !`${entry.parentPath}/`.startsWith(join(folder, '.sgwtmp/')))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function decompress({ archive }: Manifest, file: string): Buffer {
  const [command, ...args] = DECOMPRESS[archive.format];
  return execFileSync(command, [...args, file], { maxBuffer: MAX_TAPE_BYTES });
}

/** Extracts with GNU tar, which must have nothing to complain of. */
export function extract(archive: string, to: string): void {
  mkdirSync(to, { recursive: true });
  const output = execFileSync('tar', ['-xf', archive, '-C', to], { stdio: ['ignore', 'pipe', 'pipe'] });
  assert.equal(output.toString(), '');
}

const textOf = (path: unknown) =>
  typeof path === 'string' ? path : Buffer.from(path as Uint8Array).toString('latin1');

function readIndex(file: string): Map<string, IndexedEntry> {
  using database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare('SELECT path, type, size, data_offset, crc32, drift FROM file').all();
  return new Map(
    rows.map((row) => [
      textOf(row.path),
      {
        type: String(row.type),
        size: Number(row.size),
        dataOffset: Number(row.data_offset),
        crc32: row.crc32 === null ? null : Number(row.crc32),
        drift: row.drift === null ? null : String(row.drift),
      },
    ]),
  );
}

function driftOf({ drift }: Manifest): Map<string, string> {
  return new Map(
    drift.first.map(({ path, pathBase64, kind }) => [
      path ?? Buffer.from(pathBase64 ?? '', 'base64').toString('latin1'),
      kind,
    ]),
  );
}

function contentOf({ entries, tape }: Pick<WholeArchive, 'entries' | 'tape'>) {
  return (path: string): Buffer => {
    const entry = entries.get(path);
    assert.ok(entry, `${path} is not in the index`);
    return tape.subarray(entry.dataOffset, entry.dataOffset + entry.size);
  };
}

/** One of each part, and together the whole archive. */
function assertSegments({ archive }: Manifest, bytes: Buffer): void {
  assert.equal(archive.segments.length, archive.parts);
  let start = 0;
  for (const segment of archive.segments) {
    const end = start + segment.bytes;
    assert.equal(hex(crc32(bytes.subarray(start, end))), segment.crc32, `bytes ${start} to ${end}`);
    start = end;
  }
  assert.equal(start, bytes.length);
}

const hex = (crc: number) => crc.toString(16).padStart(8, '0');

function assertAgreement({ manifest, tape, entries, drift, content }: WholeArchive): void {
  assert.equal(tape.length, manifest.tape.bytes);
  assert.equal(hex(crc32(tape)), manifest.tape.crc32);
  assert.equal(entries.size, manifest.entries.count);
  const files = [...entries].filter(([, { type }]) => type === 'file');
  for (const [path, entry] of files) assert.equal(crc32(content(path)), entry.crc32, path);
  const indexed = [...entries].flatMap(([path, entry]) => (entry.drift ? [[path, entry.drift]] : []));
  assert.deepEqual(indexed.sort(), [...drift].sort());
  assert.equal(manifest.drift.count, drift.size);
}
