import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  failureOf,
  formatFailure,
  isLongshoreError,
  LongshoreError,
  parseFailure,
  RelayedError,
} from '../src/index.ts';

class HarbourError extends LongshoreError<'SILTED' | 'CLOSED'> {}

describe('a package’s error', () => {
  it('has a code, a sentence, its class as name, and a cause', () => {
    const cause = new Error('low water');
    const error = new HarbourError('SILTED', 'The harbour is silted up: dredge it.', { cause });
    assert.equal(error.code, 'SILTED');
    assert.equal(error.name, 'HarbourError');
    assert.equal(error.cause, cause);
  });

  it('is told from any other', () => {
    assert.ok(isLongshoreError(new HarbourError('CLOSED', 'It is night.')));
    assert.ok(!isLongshoreError(Object.assign(new Error('a lookalike'), { code: 'CLOSED' })));
    assert.ok(!isLongshoreError('CLOSED'));
  });
});

describe('a failure', () => {
  it('is INTERNAL where an error isn’t Longshore’s own, or is no error at all', () => {
    assert.deepEqual(failureOf(new TypeError('x is undefined')), {
      code: 'INTERNAL',
      message: 'x is undefined',
    });
    assert.deepEqual(failureOf('thrown text'), { code: 'INTERNAL', message: 'thrown text' });
    assert.deepEqual(failureOf(undefined), { code: 'INTERNAL', message: 'undefined' });
  });

  const FULL: [code: string, said: string][] = [
    ['SPOOL_FULL', 'ENOSPC: no space left on device, write'],
    ['SPOOL_FULL', 'EDQUOT: disk quota exceeded, write'],
    ['SPOOL_FULL', 'Unknown system error -122: Unknown system error -122, write'],
    ['REDIS_FULL', "OOM command not allowed when used memory > 'maxmemory'."],
    ['REDIS_FULL', 'MISCONF Errors writing to the AOF file: No space left on device'],
  ];
  for (const [code, said] of FULL) {
    it(`is ${code}, with what to do, where ${said.split(/[: ]/)[0]} is what was said`, () => {
      const failure = failureOf(new Error(said));
      assert.equal(failure.code, code);
      assert.ok(failure.message.includes(said) && failure.message.length > said.length);
    });
  }

  it('is that of the command for which Redis refused a transaction', () => {
    const previousErrors = [new Error("OOM command not allowed when used memory > 'maxmemory'.")];
    const refused = new Error('EXECABORT Transaction discarded because of previous errors.');
    assert.equal(failureOf(Object.assign(refused, { previousErrors })).code, 'REDIS_FULL');
    assert.deepEqual(failureOf(Object.assign(refused, { previousErrors: [] })), {
      code: 'INTERNAL',
      message: refused.message,
    });
  });

  it('comes through a job’s failedReason as it was, whatever its sentence says', () => {
    const code = fc.stringMatching(/^[A-Z][A-Z0-9_]+$/);
    fc.assert(
      fc.property(code, fc.string({ unit: 'binary' }), (code, message) => {
        assert.deepEqual(parseFailure(formatFailure({ code, message })), { code, message });
      }),
    );
  });

  it('keeps sentences of several lines, and ones that contain a code themselves', () => {
    const message = 'first line\nIO: second line';
    assert.deepEqual(parseFailure(formatFailure({ code: 'CORRUPT', message })), { code: 'CORRUPT', message });
  });

  for (const reason of [
    'job stalled more than allowable limit',
    'Missing lock for job 7. moveToFinished',
    '',
    ': ',
    'a: b',
  ]) {
    it(`is INTERNAL where BullMQ says ${JSON.stringify(reason)}`, () => {
      assert.deepEqual(parseFailure(reason), { code: 'INTERNAL', message: reason });
    });
  }

  it('becomes an error again on the other side of a thread', () => {
    const error = new RelayedError(formatFailure(failureOf(new HarbourError('SILTED', 'Dredge it.'))));
    assert.ok(isLongshoreError(error));
    assert.deepEqual([error.code, error.message], ['SILTED', 'Dredge it.']);
  });
});
