import assert from 'node:assert/strict';
import { exportKeys, jobId, PREFIX, publishedKeys, WORK_ROOT, workArea } from '../src/index.ts';

const ID = 'x0123456789';
const LAST_ITEM = 9_998;

describe('a work area', () => {
  const area = workArea(ID);
  const keys = [
    area.order,
    area.segment(0),
    area.record(3, 'a'),
    area.runt(3, 'a'),
    area.weld(3, 'a'),
    area.indexUpload,
    area.manifestDraft,
  ];

  it('has all its keys below one prefix that no other export’s keys have', () => {
    assert.equal(area.root, `${WORK_ROOT}/${ID}/`);
    for (const key of keys) assert.ok(key.startsWith(area.root), key);
    assert.ok(!workArea(`${ID}4`).order.startsWith(area.root));
  });

  it('never has one key for two things', () => {
    assert.equal(new Set(keys).size, keys.length);
  });

  it('lists items in their order, because stores list keys in theirs', () => {
    const items = [0, 9, 10, 99, 100, 1_000, LAST_ITEM];
    for (const keyOf of [
      area.segment,
      (item: number) => area.record(item, 'z'),
      (item: number) => area.weld(item, 'z'),
    ]) {
      const sorted = items.map(keyOf);
      assert.deepEqual([...sorted].sort(), sorted);
    }
  });

  it('gives every item’s attempts a prefix of their own', () => {
    assert.ok(area.record(1, 'attempt').startsWith(area.record(1, '')));
    assert.ok(!area.record(10, 'attempt').startsWith(area.record(1, '')));
  });

  it('can be listed by kind', () => {
    assert.ok(area.segment(7).startsWith(area.catalog));
    assert.ok(area.record(7, 'a').startsWith(area.items));
    assert.ok(area.weld(7, 'a').startsWith(area.welds));
    assert.ok(!area.runt(7, 'a').startsWith(area.items));
  });
});

describe('job ids', () => {
  const ids = [
    jobId.finalize(ID),
    jobId.plan(ID),
    jobId.pack(ID, 0),
    jobId.pack(ID, LAST_ITEM),
    jobId.weld(ID, 0),
  ];

  it('are ones that BullMQ takes: no colon, not all digits', () => {
    for (const id of ids) assert.match(id, /^(?!\d+$)[^:]+$/);
  });

  it('differ from each other', () => {
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('an export’s Redis keys', () => {
  it('stand below the queue’s own prefix, where a tenant’s ACL reaches, and name the export', () => {
    for (const key of Object.values(exportKeys('queue-a', ID))) {
      assert.ok(key.startsWith(`${PREFIX}:queue-a:`), key);
      assert.ok(key.includes(ID), key);
    }
  });

  it('differ between queues', () => {
    assert.notEqual(exportKeys('a', ID).done, exportKeys('b', ID).done);
  });
});

describe('published keys', () => {
  it('stand side by side under the archive’s name', () => {
    assert.deepEqual(publishedKeys('data', 'tar.gz'), {
      archive: 'data.tar.gz',
      index: 'data.index.sqlite',
      manifest: 'data.manifest.json',
    });
  });
});
