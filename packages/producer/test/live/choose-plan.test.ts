import assert from 'node:assert/strict';
import { choosePlan, type PlanWish } from '../../src/live/choose-plan.ts';
import type { LivePlan } from '../../src/live/plan.ts';

const NOW = 1_000_000;
const FRESH = 60_000;

function plan(etag: string, { age, ...rest }: { age: number } & Partial<LivePlan>): LivePlan {
  return {
    ...{ version: 1, volume: 'data', path: '/data', etag, root: { version: 1, inode: '2' } },
    ...{ tapeBytes: 512, files: 0, catalogBytes: 100, planned: NOW - age, tookMs: 10 },
    ...rest,
  };
}

const FRESH_ONE = plan('fresh', { age: 10_000 });
const OLD = plan('old', { age: 600_000 });
const FAILED = plan('failed', { age: 5_000, ended: 'failed' });

describe('the plan for a request', () => {
  const chosen = (wish: Partial<PlanWish>, kept: LivePlan[], memory: 'lasting' | 'brief' = 'lasting') =>
    choosePlan({ etags: [], from: 'start', anew: false, ...wish }, { kept, now: NOW, freshMs: FRESH, memory })
      ?.etag;
  const isRefused = { code: 'VOLUME_CHANGED' };

  it('is the newest one that is fresh, for a new download', () => {
    assert.equal(chosen({}, []), undefined);
    assert.equal(chosen({}, [OLD]), undefined);
    assert.equal(chosen({}, [OLD, FRESH_ONE, plan('newer', { age: 9_000 })]), 'newer');
    assert.equal(chosen({}, [FAILED]), undefined);
  });

  it('stays fresh for as long as it took to make', () => {
    assert.equal(chosen({}, [plan('laborious', { age: 600_000, tookMs: 700_000 })]), 'laborious');
  });

  it('is made anew where that is asked for', () => {
    assert.equal(chosen({ anew: true }, [FRESH_ONE]), undefined);
  });

  it('is the one that a download began with, however old, where it names it', () => {
    assert.equal(chosen({ etags: ['old'], from: 'middle' }, [FRESH_ONE, OLD]), 'old');
    assert.equal(chosen({ etags: ['old'], from: 'middle', anew: true }, [OLD]), 'old');
    assert.equal(chosen({ etags: ['failed'], from: 'middle' }, [FAILED]), undefined);
    assert.equal(chosen({ etags: ['unknown'], from: 'middle' }, [FRESH_ONE, OLD]), 'fresh');
  });

  it('is the only one that there was, for a download that goes on and names none', () => {
    assert.equal(chosen({ from: 'middle' }, [OLD]), 'old');
    assert.equal(chosen({ from: 'middle' }, []), undefined);
    assert.throws(() => chosen({ from: 'middle' }, [OLD, FRESH_ONE]), isRefused);
    assert.throws(() => chosen({ from: 'middle' }, [], 'brief'), isRefused);
    assert.throws(() => chosen({ from: 'middle' }, [FAILED]), isRefused);
    assert.throws(() => chosen({ from: 'middle' }, [FAILED, FRESH_ONE]), isRefused);
  });
});
