import assert from 'node:assert/strict';
import type { ExportStatus } from '@longshore/shared';
import { statusText } from '../src/output/status-text.ts';

const PROGRESS = {
  ...{ planned: false, items: 0, doneItems: 0, files: 0, tapeBytes: 0, doneTapeBytes: 0 },
  ...{ archiveBytes: 0, packs: 0, retries: 0 },
};

const STATUS: ExportStatus = {
  ...{ id: 'x0123456789', volume: 'shop/photos', destination: 'shop/bucket', name: 'photos' },
  ...{ format: 'tar.zst', level: 3, exclude: [], onChange: 'record', phase: 'Pending' },
  ...{ created: '2026-11-22T17:00:00.000Z', retried: 0, progress: PROGRESS },
};

describe('the text of a status', () => {
  const lineOf = (of: Partial<ExportStatus>) =>
    /^consistency .*$/m.exec(statusText({ ...STATUS, ...of }))?.[0];

  it('says which copy is exported', () => {
    assert.match(lineOf({ consistency: 'Clone' }) ?? '', /^consistency +Clone$/);
    assert.match(lineOf({ consistency: 'Snapshot' }) ?? '', /^consistency +Snapshot$/);
    const ofClass = lineOf({ consistency: 'Snapshot', snapshotClass: 'fast' });
    assert.match(ofClass ?? '', /^consistency +Snapshot, class fast$/);
  });

  it('says nothing where it is the volume itself', () => {
    assert.equal(lineOf({ consistency: 'Live' }), undefined);
    assert.equal(lineOf({}), undefined);
  });
});
