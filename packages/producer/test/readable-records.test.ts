import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { VolumeExportSpec, type VolumeExportStatus } from '@longshore/shared';
import { pino } from 'pino';
import { ReadableRecords } from '../src/kubernetes/readable-records.ts';
import { recordOf, statusOf } from '../src/kubernetes/resource-record.ts';
import { API_VERSION, idOf, KIND, type VolumeExport } from '../src/kubernetes/volume-export.ts';
import type { ExportRecord } from '../src/records/record.ts';

const spec = VolumeExportSpec.parse({ source: { claim: 'photos' }, destination: { secret: 'bucket' } });

function resourceNamed(name: string, status?: VolumeExportStatus): VolumeExport {
  const creationTimestamp = new Date().toISOString();
  const metadata = { name, namespace: 'shop', uid: randomUUID(), creationTimestamp };
  return { apiVersion: API_VERSION, kind: KIND, metadata, spec, status };
}

function resourceWith(changes: Partial<ExportRecord>): VolumeExport {
  const resource = resourceNamed('photos');
  return { ...resource, status: statusOf({ ...recordOf(resource), ...changes }, resource) };
}

/** As a later version, or somebody's hand, might leave it. */
function unreadable(): VolumeExport {
  const resource = resourceNamed('strange');
  const status = statusOf(recordOf(resource), resource);
  return { ...resource, status: { ...status, record: { ...status.record, phase: 'Frozen' } } };
}

describe('records of VolumeExports', () => {
  const said: string[] = [];
  let records: ReadableRecords;

  beforeEach(() => {
    said.length = 0;
    const write: Writable['_write'] = (line, _encoding, done) => {
      said.push(String(line));
      done();
    };
    records = new ReadableRecords(pino(new Writable({ write })));
  });

  it('are read without one that nobody can read, which is named once', () => {
    const strange = unreadable();
    const all = [resourceNamed('before'), strange, resourceNamed('after')];
    for (let looks = 0; looks < 3; looks++)
      assert.deepEqual(
        records.of(all).map(({ request }) => request.name),
        ['before', 'after'],
      );
    assert.equal(said.length, 1);
    assert.match(said[0], /shop\/strange/);
    const repaired = { ...strange, status: undefined };
    assert.equal(records.of([repaired]).length, 1);
    assert.equal(records.of([strange]).length, 0);
    assert.equal(said.length, 2);
  });

  const LIVE = {
    'have just been requested': resourceNamed('new'),
    'wait for their Secret': resourceWith({ phase: 'Pending', due: Date.now() + 60_000 }),
    'have ended, and are to be cleared up': resourceWith({ phase: 'Completed', due: 0 }),
    "can't be read": unreadable(),
  };
  for (const [what, resource] of Object.entries(LIVE))
    it(`are of live exports where they ${what}`, () =>
      assert.deepEqual(records.liveIds([resource]), [idOf(resource)]));

  it('are not of live exports where nothing is left to be done', () => {
    const over = [
      resourceWith({ phase: 'Completed', due: undefined }),
      resourceWith({ phase: 'Failed', due: Date.now() + 60_000 }),
    ];
    assert.deepEqual(records.liveIds(over), []);
  });
});
