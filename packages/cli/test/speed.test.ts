import assert from 'node:assert/strict';
import { type Counters, parseCounters } from '@longshore/shared';
import { describe as describeProgress, share } from '../src/progress/speed.ts';

const counters = (some: Partial<Counters>): Counters => ({ ...parseCounters({}), ...some });

describe('progress in words', () => {
  it('says how much is done, of how much, how fast, and for how long still', () => {
    const done = { doneTapeBytes: 412_000_000, tapeBytes: 1_200_000_000, files: 3_400, planned: 1 };
    assert.equal(
      describeProgress(counters(done), 5_000),
      '412 MB of 1.2 GB, 3,400 files, 82.4 MB/s, 9s left',
    );
  });

  it('marks totals that still grow, and doesn’t guess how long they take', () => {
    const done = { doneTapeBytes: 1_000_000, tapeBytes: 2_000_000, files: 10 };
    assert.equal(describeProgress(counters(done), 1_000), '1 MB of 2 MB+, 10+ files, 1 MB/s');
  });

  it('goes by the rate that a server knows, and says what it waits for', () => {
    const done = { doneTapeBytes: 1_000_000, tapeBytes: 2_000_000, files: 10, planned: 1 };
    const progress = { ...counters(done), bytesPerSecond: 500_000, phase: 'Packing' as const };
    assert.equal(describeProgress(progress, 1), '1 MB of 2 MB, 10 files, 500 kB/s, 2s left');
    const suspended = {
      ...progress,
      bytesPerSecond: 0,
      phase: 'Suspended' as const,
      waitingFor: 'for\nRedis',
    };
    assert.equal(
      describeProgress(suspended, 1),
      'Suspended: 1 MB of 2 MB, 10 files, 0 B/s; waiting: for Redis',
    );
  });

  it('has an answer before anything is done', () => {
    assert.equal(describeProgress(counters({}), 0), '0 B of 0 B+, 0+ files, 0 B/s');
    assert.equal(
      describeProgress(counters({ planned: 1, tapeBytes: 512 }), 3_000),
      '0 B of 512 B, 0 files, 0 B/s',
    );
  });
});

describe('the share that is done', () => {
  it('is 0 before there is anything', () => assert.equal(share(counters({})), 0));

  it('is what is packed of what is planned', () => {
    assert.equal(share(counters({ doneTapeBytes: 1, tapeBytes: 4 })), 0.25);
  });

  it('is never more than all of it, though a planner that starts again counts from the start', () => {
    assert.equal(share(counters({ doneTapeBytes: 10, tapeBytes: 4 })), 1);
  });
});
