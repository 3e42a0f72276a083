import assert from 'node:assert/strict';
import { ProducerError, type ProducerErrorCode } from '../error.ts';
import type { ExportRecord } from './record.ts';
import type { RecordStore } from './record-store.ts';

let made = 0;

/** A record that a request has just made, with an id and a name of its own. */
export function recordWith(rest: Partial<ExportRecord> = {}): ExportRecord {
  const number = String(made++).padStart(8, '0');
  return {
    version: 1,
    id: `x${number}`,
    revision: 0,
    created: new Date(Date.UTC(2026, 0, 1) + made).toISOString(),
    request: {
      volume: 'photos',
      destination: 'archive',
      name: `photos-${number}`,
      format: 'tar.zst',
      level: 3,
      exclude: [],
      onChange: 'record',
      workers: 1,
      consistency: 'Live',
    },
    wish: 'run',
    phase: 'Pending',
    retried: 0,
    runs: 0,
    due: 0,
    ...rest,
  };
}

const isCode = (code: ProducerErrorCode) => (error: unknown) =>
  error instanceof ProducerError && error.code === code;

type Request = ExportRecord['request'];

/** Where the records' exports come from and go to, where the store has names of its own kind for that. */
export interface RecordPlaces {
  photos: Pick<Request, 'volume' | 'destination'>;
  music: Pick<Request, 'volume' | 'destination'>;
  /** Where names are others'. */
  elsewhere: Pick<Request, 'volume' | 'destination'>;
}

const CONFIGURED: RecordPlaces = {
  photos: { volume: 'photos', destination: 'archive' },
  music: { volume: 'music', destination: 'archive' },
  elsewhere: { volume: 'photos', destination: 'elsewhere' },
};

export interface ContractOptions {
  /** Asked for each test, after `open`. */
  places?: () => RecordPlaces;
  /** Who gives a record its id and the time of its request: Kubernetes does so itself. */
  identity?: 'given' | 'made';
}

/** What every `RecordStore` promises, as a mocha suite. `open` gives an empty store to each test. */
export function describeRecordStore(
  name: string,
  open: () => Promise<RecordStore>,
  { places = () => CONFIGURED, identity = 'given' }: ContractOptions = {},
): void {
  describe(`${name} keeps the contract of record stores`, () => {
    let store: RecordStore;

    beforeEach(async () => {
      store = await open();
    });

    function newRecord(rest: Partial<ExportRecord> = {}): ExportRecord {
      const record = recordWith(rest);
      return rest.request ? record : { ...record, request: { ...record.request, ...places().photos } };
    }

    /** What is to be kept of a record. */
    function kept(record: ExportRecord, { id, created }: ExportRecord): ExportRecord {
      return identity === 'given' ? record : { ...record, id, created };
    }

    const idempotency = { caller: 'ann', key: 'k', digest: 'd' };

    async function idsOf(query: Partial<Parameters<RecordStore['list']>[0]> = {}): Promise<string[]> {
      const { records } = await store.list({ limit: 100, ...query });
      return records.map(({ id }) => id);
    }

    it('gives back what it was given', async () => {
      const given = newRecord();
      const { record, existed } = await store.create(given);
      assert.equal(existed, false);
      assert.deepEqual(record, kept(given, record));
      assert.deepEqual(await store.get(record.id), record);
      assert.equal(await store.get('xunknown0'), undefined);
    });

    for (const copy of [
      { consistency: 'Snapshot' },
      { consistency: 'Snapshot', snapshotClass: 'fast' },
      { consistency: 'Clone' },
    ] as const)
      it(`keeps what is to be read: ${Object.values(copy).join(' ')}`, async () => {
        const { request } = newRecord();
        const { record } = await store.create(newRecord({ request: { ...request, ...copy } }));
        assert.deepEqual(record.request, { ...request, ...copy });
        const changed = await store.update({ ...record, phase: 'Planning' });
        assert.deepEqual((await store.get(record.id))?.request, changed.request);
        assert.deepEqual(changed.request, record.request);
      });

    it('takes a change once, and refuses another one that is based on the same revision', async () => {
      const { record } = await store.create(newRecord());
      const changed = await store.update({ ...record, phase: 'Planning' });
      assert.deepEqual(changed, { ...record, phase: 'Planning', revision: 1 });
      assert.deepEqual(await store.get(record.id), changed);
      await assert.rejects(store.update({ ...record, phase: 'Failed' }), isCode('RECORD_CHANGED'));
      assert.deepEqual(await store.get(record.id), changed);
    });

    it('lets one of many changes at once win', async () => {
      const { record } = await store.create(newRecord());
      const changes = Array.from({ length: 20 }, (_, retried) => store.update({ ...record, retried }));
      const settled = await Promise.allSettled(changes);
      assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal((await store.get(record.id))?.revision, 1);
    });

    it('gives a name at one destination to one record, until that is removed', async () => {
      const first = newRecord();
      const twin = () => newRecord({ request: { ...first.request, format: 'tar', level: 0 } });
      const { record } = await store.create(first);
      await assert.rejects(store.create(twin()), isCode('NAME_TAKEN'));
      await store.create(newRecord({ request: { ...first.request, ...places().elsewhere } }));
      await store.remove(record);
      await store.create(twin());
    });

    it('removes what it was shown, and nothing that was changed since', async () => {
      const { record } = await store.create(newRecord());
      const changed = await store.update(record);
      await assert.rejects(store.remove(record), isCode('RECORD_CHANGED'));
      await store.remove(changed);
      await store.remove(changed);
      assert.equal(await store.get(record.id), undefined);
      assert.deepEqual(await idsOf(), []);
      assert.deepEqual(await store.due(Date.now(), 10), []);
      await assert.rejects(store.update(changed), isCode('RECORD_CHANGED'));
    });

    it('makes one record of a request that comes again', async () => {
      const { record } = await store.create(newRecord(), idempotency);
      const again = await store.create(newRecord(), idempotency);
      assert.deepEqual(again, { record, existed: true });
      assert.deepEqual(await idsOf(), [record.id]);
    });

    it('makes one record of a request that comes many times at once', async () => {
      const requests = Array.from({ length: 20 }, () => store.create(newRecord(), idempotency));
      const ids = (await Promise.all(requests)).map(({ record }) => record.id);
      assert.equal(new Set(ids).size, 1);
    });

    it('tells apart callers who use the same key, and refuses a key that comes with another request', async () => {
      await store.create(newRecord(), idempotency);
      const bob = await store.create(newRecord(), { ...idempotency, caller: 'bob' });
      assert.equal(bob.existed, false);
      const other = store.create(newRecord(), { ...idempotency, digest: 'other' });
      await assert.rejects(other, isCode('IDEMPOTENCY_MISMATCH'));
    });

    it('lists the newest first, page by page, while others are added and removed', async () => {
      const records: ExportRecord[] = [];
      while (records.length < 7) records.push((await store.create(newRecord())).record);
      const newest = records.map(({ id }) => id).reverse();
      const first = await store.list({ limit: 3 });
      assert.deepEqual(
        first.records.map(({ id }) => id),
        newest.slice(0, 3),
      );
      await store.create(newRecord());
      await store.remove(records[3]);
      const second = await store.list({ limit: 10, cursor: first.next });
      assert.deepEqual(
        second.records.map(({ id }) => id),
        newest.slice(4),
      );
      assert.equal(second.next, undefined);
      await assert.rejects(store.list({ limit: 1, cursor: 'nonsense' }), isCode('BAD_REQUEST'));
    });

    it('has no next page where the last one is just full', async () => {
      for (let records = 0; records < 4; records++) await store.create(newRecord());
      const { next } = await store.list({ limit: 2 });
      assert.ok(next);
      assert.equal((await store.list({ limit: 2, cursor: next })).next, undefined);
    });

    it('finds records by phase and by volume', async () => {
      const { record: photos } = await store.create(newRecord());
      const base = newRecord();
      const { record: music } = await store.create({
        ...base,
        request: { ...base.request, ...places().music },
      });
      await store.update({ ...music, phase: 'Failed' });
      assert.deepEqual(await idsOf({ phase: 'Pending' }), [photos.id]);
      assert.deepEqual(await idsOf({ phase: 'Failed' }), [music.id]);
      assert.deepEqual(await idsOf({ volume: music.request.volume }), [music.id]);
      assert.deepEqual(await idsOf({ volume: music.request.volume, phase: 'Pending' }), []);
      const { Pending, Failed, Completed } = await store.countPhases();
      assert.deepEqual({ Pending, Failed, Completed }, { Pending: 1, Failed: 1, Completed: 0 });
    });

    it('names the records that are due, the ones that waited longest first', async () => {
      const { record: now } = await store.create(newRecord());
      const { record: later } = await store.create(newRecord({ due: 2_000 }));
      const { record: never } = await store.create(newRecord({ due: undefined }));
      assert.deepEqual(await store.due(1_000, 10), [now.id]);
      assert.deepEqual(await store.due(2_000, 10), [now.id, later.id]);
      assert.deepEqual(await store.due(2_000, 1), [now.id]);
      await store.update({ ...now, due: undefined });
      await store.update({ ...never, due: 1 });
      assert.deepEqual(await store.due(2_000, 10), [never.id, later.id]);
    });
  });
}
