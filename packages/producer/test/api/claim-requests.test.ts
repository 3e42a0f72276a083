import assert from 'node:assert/strict';
import { ExportStatus, Problem } from '@longshore/shared';
import { Exports } from '../../src/exports/exports.ts';
import { claimRequest } from '../../src/kubernetes/claim-request.ts';
import type { Producer } from '../../src/producer.ts';
import { Served, withExports } from './served.ts';

/** A producer that makes of requests what one in a cluster does; their records are in Redis here. */
function inCluster(producer: Producer) {
  const { redis, records } = producer;
  const exports = new Exports({
    ...{ redis, records },
    places: {
      requestOf: claimRequest,
      queueOf: ({ id }) => `export-${id}`,
      setWorkers: () => assert.fail('no workers are set'),
      storeOf: () => assert.fail('no store is asked for'),
    },
    wake: async () => undefined,
  });
  return withExports(producer, {
    create: (body, idempotency) => exports.create(body, idempotency),
    get: (id) => exports.get(id),
  });
}

const REQUEST = { namespace: 'shop', volume: 'photos', destination: 'bucket' };
const SNAPSHOT = { consistency: 'Snapshot', snapshotClass: 'fast' };

describe('requests for exports of claims', () => {
  let served: Served;
  let names = 0;

  before(async () => {
    served = await Served.start({ wrap: inCluster });
  });
  after(() => served[Symbol.asyncDispose]());

  const create = (body: object, key?: string) =>
    served.post('/v1/exports', { ...REQUEST, ...body }, key === undefined ? {} : { 'idempotency-key': key });

  const KINDS: [asked: object, shown: object][] = [
    [{}, { consistency: 'Live' }],
    [{ consistency: 'Live' }, { consistency: 'Live' }],
    [{ consistency: 'Snapshot' }, { consistency: 'Snapshot' }],
    [SNAPSHOT, SNAPSHOT],
    [{ consistency: 'Clone' }, { consistency: 'Clone' }],
  ];
  for (const [asked, shown] of KINDS)
    it(`are kept, and shown: ${JSON.stringify(asked)}`, async () => {
      const answer = await create({ ...asked, name: `kept-${++names}` });
      assert.equal(answer.status, 201);
      const { id } = ExportStatus.parse(await answer.json());
      const status = ExportStatus.parse(await (await served.get(`/v1/exports/${id}`)).json());
      const { consistency, snapshotClass } = status;
      assert.deepEqual({ consistency, ...(snapshotClass !== undefined && { snapshotClass }) }, shown);
    });

  it('with an idempotency key are the same only where the same is to be read', async () => {
    const again = async (body: object) => (await create({ name: 'again', ...body }, 'again')).status;
    assert.equal(await again(SNAPSHOT), 201);
    assert.equal(await again(SNAPSHOT), 200);
    assert.equal(await again({ ...SNAPSHOT, snapshotClass: 'slow' }), 422);
    assert.equal(await again({ consistency: 'Snapshot' }), 422);
    assert.equal(await again({ consistency: 'Clone' }), 422);
    assert.equal(await again({}), 422);
  });

  const REFUSED: [body: object, path: string, said: RegExp][] = [
    [{ snapshotClass: 'fast' }, 'body.snapshotClass', /goes with consistency Snapshot alone/],
    [{ ...SNAPSHOT, consistency: 'Live' }, 'body.snapshotClass', /goes with consistency Snapshot alone/],
    [{ ...SNAPSHOT, consistency: 'Clone' }, 'body.snapshotClass', /goes with consistency Snapshot alone/],
    [{ ...SNAPSHOT, snapshotClass: 'Fast' }, 'body.snapshotClass', /"Fast": must be small letters/],
    [{ consistency: 'Frozen' }, 'body.consistency', /"Frozen".*Live.*Snapshot.*Clone/],
  ];
  for (const [body, path, said] of REFUSED)
    it(`are refused with one problem: ${JSON.stringify(body)}`, async () => {
      const answer = await create(body);
      const { status, code, detail, errors } = Problem.parse(await answer.json());
      assert.deepEqual([status, code], [400, 'BAD_REQUEST']);
      assert.deepEqual(
        errors?.map((error) => error.path),
        [path],
      );
      assert.match(detail, said);
    });
});
