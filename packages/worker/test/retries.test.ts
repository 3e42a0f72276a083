import assert from 'node:assert/strict';
import { failuresOf } from '../src/failures.ts';
import { recordsUnreadable, retryDelay, worthRetrying } from '../src/retries.ts';

/** Attempts that are made in all where each one fails with this code. */
function attemptsOf(code: string): number {
  let failed = 1;
  while (worthRetrying(code, failed)) failed++;
  return failed;
}

describe('trying again', () => {
  const ONCE = [
    ...['ACCESS_DENIED', 'BAD_CREDENTIALS', 'NO_SUCH_BUCKET', 'NO_SUCH_UPLOAD', 'NO_SPACE', 'REFUSED'],
    ...['BUILD_MISMATCH', 'UNKNOWN_VOLUME', 'UNKNOWN_DESTINATION', 'ORDER_MISSING', 'DRIFT', 'TAPE_TOO_LONG'],
    ...['VOLUME_MISSING', 'BAD_EXCLUDE', 'ARCHIVE_EXISTS', 'FLOW_GONE', 'STOPPED', 'toString', 'constructor'],
  ];
  for (const code of ONCE) {
    it(`is no use after ${code}`, () => assert.equal(attemptsOf(code), 1));
  }

  const OFTEN = ['UNREACHABLE', 'UNAVAILABLE', 'THROTTLED', 'PLAN_OVERTAKEN', 'PART_MISMATCH'];
  for (const code of OFTEN) {
    it(`is worth it many times after ${code}`, () => assert.ok(attemptsOf(code) >= 20));
  }

  const SOME = ['IO', 'VOLUME_GONE', 'CORRUPT', 'THREAD_DIED', 'PLANNER_DIED', 'SPOOL_FULL', 'INTERNAL'];
  for (const code of SOME) {
    it(`is worth it a few times after ${code}`, () => {
      const attempts = attemptsOf(code);
      assert.ok(attempts >= 3 && attempts <= 6);
    });
  }

  it('takes a file’s EIO for the file’s own on the attempt before the last, and not before', () => {
    const attempts = attemptsOf('IO');
    const recorded = Array.from({ length: attempts }, (_, failed) => recordsUnreadable(failed));
    assert.deepEqual(recorded, [...Array(attempts - 2).fill(false), true, true]);
  });
});

describe('the delay before another attempt', () => {
  const delays = (made: number) => Array.from({ length: 200 }, () => retryDelay(made));

  it('doubles from half a second to half a minute, less up to a half by chance', () => {
    for (const [made, full] of [
      [1, 500],
      [2, 1_000],
      [3, 2_000],
      [6, 16_000],
      [7, 30_000],
      [25, 30_000],
      [1_000, 30_000],
    ]) {
      for (const delay of delays(made))
        assert.ok(delay >= full / 2 && delay <= full, `${delay} after ${made}`);
    }
  });

  it('spreads workers that failed together', () => {
    assert.ok(new Set(delays(7)).size > 100);
  });

  it('lets a store be away for some minutes in all', () => {
    let total = 0;
    for (let made = 1; made < attemptsOf('UNREACHABLE'); made++) total += retryDelay(made);
    assert.ok(total > 4 * 60_000 && total < 10 * 60_000, `${total} ms`);
  });
});

describe('a job’s failures', () => {
  const stacks = (...reasons: string[]) =>
    reasons.map((reason) => `Error: ${reason}\n    at somewhere (file.ts:1:1)`);

  it('are counted by their codes', () => {
    const stacktrace = stacks('IO: a: IO: b', 'UNREACHABLE: gone', 'IO: c', 'job stalled');
    const job = { stacktrace, attemptsMade: 4 };
    assert.deepEqual(
      ['IO', 'UNREACHABLE', 'INTERNAL', 'CORRUPT'].map((code) => failuresOf(job, code)),
      [2, 1, 1, 0],
    );
  });

  it('are none before the first attempt, and none again once somebody retried it by hand', () => {
    const stacktrace = stacks('IO: a', 'IO: b');
    assert.equal(failuresOf({ stacktrace: null, attemptsMade: 0 }, 'IO'), 0);
    assert.equal(failuresOf({ stacktrace, attemptsMade: 0 }, 'IO'), 0);
    assert.equal(failuresOf({ stacktrace, attemptsMade: 1 }, 'IO'), 1);
  });
});
