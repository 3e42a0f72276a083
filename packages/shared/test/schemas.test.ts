import assert from 'node:assert/strict';
import type { ZodType } from 'zod';
import { CreateExport, FORMATS, LEVELS, Manifest, Order, PackJob, WeldJob } from '../src/index.ts';

const NOW = '2026-11-22T17:00:00.000Z';
const BUILD = { longshore: '0.1.0', node: '26.10.0', zlib: '1.3.1', zstd: '1.5.7' };

const ORDER = {
  version: 1,
  id: 'x0123456789abcdef',
  name: 'data',
  created: NOW,
  volume: 'data',
  destination: 'archives',
  format: 'tar.zst',
  level: 3,
  exclude: ['*.tmp'],
  onChange: 'record',
  build: BUILD,
  upload: { key: 'data.tar.zst', id: 'upload-1' },
};

const MANIFEST = {
  version: 1,
  export: { id: ORDER.id, name: 'data', source: 'data', created: NOW, completed: NOW },
  archive: {
    ...{ key: 'data.tar.zst', format: 'tar.zst', bytes: 1_234, parts: 1, etag: '"e"' },
    segments: [{ bytes: 1_234, crc32: '0badcafe' }],
  },
  tape: { bytes: 10_240, crc32: '00c0ffee' },
  entries: { count: 2, bytes: 5, types: { file: { count: 1, bytes: 5 }, directory: { count: 1, bytes: 0 } } },
  options: { level: 3, exclude: [], onChange: 'record' },
  tools: BUILD,
  drift: { count: 1, first: [{ path: 'a', kind: 'grew' }] },
  skipped: { count: 1, lost: 0, first: [{ pathBase64: '5A==', reason: 'socket' }] },
};

const PACK = { export: ORDER.id, destination: 'archives', item: 0, start: 0, end: 512, digest: 'd' };

/** An object as `good`, but for what is at `path`. */
function altered(good: object, path: string, value: unknown): unknown {
  const copy = structuredClone(good) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  const inner = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  if (value === undefined) delete inner[last];
  else inner[last] = value;
  return copy;
}

function describeSchema(
  name: string,
  schema: ZodType,
  { good, bad }: { good: object; bad: [string, unknown][] },
) {
  describe(name, () => {
    it('comes through JSON as it was', () => {
      assert.deepEqual(schema.parse(JSON.parse(JSON.stringify(good))), good);
    });
    for (const [path, value] of bad) {
      const said = value === undefined ? 'missing' : JSON.stringify(value);
      it(`is refused with ${path} ${said}`, () => {
        assert.equal(schema.safeParse(altered(good, path, value)).success, false);
      });
    }
  });
}

describeSchema('an order', Order, {
  good: ORDER,
  bad: [
    ['version', 2],
    ['id', 'has:colon-in-it'],
    ['id', '0123456789'],
    ['id', '../escape'],
    ['id', 'short'],
    ['id', `x${'0'.repeat(63)}`],
    ['created', 'yesterday'],
    ['format', 'zip'],
    ['level', 1.5],
    ['onChange', 'ignore'],
    ['build.zstd', undefined],
    ['upload.id', undefined],
    ['destination', undefined],
  ],
});

describeSchema('a request', CreateExport, {
  good: {
    ...{ namespace: 'shop', volume: 'photos', destination: 'archives', format: 'tar', exclude: [] },
    ...{ onChange: 'record', workers: 2, consistency: 'Snapshot', snapshotClass: 'fast.example.com' },
  },
  bad: [
    ['volume', '/etc'],
    ['workers', 0],
    ['consistency', 'Frozen'],
    // A class goes with a snapshot alone.
    ['consistency', 'Live'],
    ['consistency', 'Clone'],
    ['consistency', undefined],
    ['snapshotClass', 'Fast'],
    ['snapshotClass', ''],
  ],
});

describeSchema('a manifest', Manifest, {
  good: MANIFEST,
  bad: [
    ['version', 2],
    ['archive.bytes', -1],
    ['archive.parts', 0],
    ['archive.format', 'zip'],
    ['tape.crc32', 'c0ffee'],
    ['tape.crc32', '00C0FFEE'],
    ['export.completed', 'soon'],
    ['entries.types', { socket: { count: 1, bytes: 0 } }],
    ['drift.first', [{ path: 'a', kind: 'moved' }]],
    ['skipped.first', [{ path: 'a', reason: 'boring' }]],
    ['skipped.first', [{ pathBase64: 'ä', reason: 'socket' }]],
  ],
});

describeSchema('a pack job', PackJob, {
  good: PACK,
  bad: [
    ['item', -1],
    // One stray number in SETBIT makes a bitmap of hundreds of megabytes.
    ['item', 9_999],
    ['item', 0.5],
    ['start', '0'],
    ['digest', undefined],
  ],
});

describeSchema('a weld job', WeldJob, {
  good: { export: ORDER.id, destination: 'archives', first: 0, attempts: ['0123456789abcdef'], padding: 0 },
  bad: [
    ['first', 'one'],
    ['attempts', undefined],
    ['attempts', []],
    // A key of the store is made of it.
    ['attempts', ['../../photos.tar']],
    ['padding', 0.5],
  ],
});

describe('compression levels', () => {
  for (const format of FORMATS) {
    it(`have a default in range for ${format}`, () => {
      const { min, max, default: level } = LEVELS[format];
      assert.ok(level >= min && level <= max);
    });
  }
});
