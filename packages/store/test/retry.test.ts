import assert from 'node:assert/strict';
import { all, assertFault, bodyOf, textOf } from '../src/contract/material.ts';
import { describeStore } from '../src/contract.ts';
import { MemoryStore, type ObjectInfo, StoreError, type StoreErrorCode } from '../src/index.ts';
import { RETRY_POLICY, type RetryPolicy, withRetries } from '../src/retry.ts';
import { RetryingStore } from '../src/retrying-store.ts';

const QUICK: RetryPolicy = Object.fromEntries(
  Object.entries(RETRY_POLICY).map(([code, rule]) => [code, { ...rule, pauseMs: 1 }]),
);

describeStore('RetryingStore', async () => new RetryingStore(new MemoryStore()));

describe('withRetries', () => {
  /** Fails so many times, then gives how often it was asked. */
  const failing = (times: number, code: StoreErrorCode) => {
    let asked = 0;
    return async () => {
      if (++asked <= times) throw new StoreError(code, `failure ${asked}`);
      return asked;
    };
  };

  for (const code of ['UNREACHABLE', 'UNAVAILABLE', 'THROTTLED'] as const) {
    it(`asks again after ${code}, four times in all`, async () => {
      assert.equal(await withRetries(failing(3, code), { policy: QUICK }), 4);
      await assertFault(withRetries(failing(4, code), { policy: QUICK }), code, 'failure 4');
    });
  }

  it("doesn't ask again after what won't pass", async () => {
    for (const code of [
      'NOT_FOUND',
      'ACCESS_DENIED',
      'NO_SUCH_UPLOAD',
      'NO_SPACE',
      'ABORTED',
      'REFUSED',
    ] as const) {
      await assertFault(withRetries(failing(1, code), { policy: QUICK }), code, 'failure 1');
    }
    await assert.rejects(
      withRetries(() => Promise.reject(new TypeError('bug')), { policy: QUICK }),
      TypeError,
    );
  });

  it('stops waiting when the caller gives up', async () => {
    const policy: RetryPolicy = { UNREACHABLE: { attempts: 2, pauseMs: 3_600_000 } };
    const controller = new AbortController();
    const waiting = withRetries(failing(1, 'UNREACHABLE'), { policy, signal: controller.signal });
    controller.abort();
    await assertFault(waiting, 'ABORTED');
  });

  it('waits for at most ten seconds in all', () => {
    for (const { attempts, pauseMs } of Object.values(RETRY_POLICY)) {
      assert.ok(pauseMs * (2 ** (attempts - 1) - 1) <= 10_000);
    }
  });
});

describe('RetryingStore', () => {
  /** A store whose listings break off three times, a little further on each time, and whose writes fail every other time. */
  class Shaky extends MemoryStore {
    #listed = 0;
    #written = 0;

    override async *list(prefix: string): AsyncGenerator<ObjectInfo> {
      for await (const object of super.list(prefix)) {
        if ([2, 5, 9].includes(++this.#listed)) throw new StoreError('UNREACHABLE', 'broke off');
        yield object;
      }
    }

    override put(...args: Parameters<MemoryStore['put']>): Promise<ObjectInfo> {
      if (++this.#written % 2) return Promise.reject(new StoreError('THROTTLED', 'slow down'));
      return super.put(...args);
    }
  }

  it('goes on with a listing that broke off, without giving anything twice', async () => {
    const store = new RetryingStore(new Shaky(), QUICK);
    for (const key of ['a', 'b', 'c', 'd']) await store.put(key, bodyOf(key));
    assert.deepEqual(
      (await all(store.list(''))).map(({ key }) => key),
      ['a', 'b', 'c', 'd'],
    );
    assert.equal(await textOf(store, 'd'), 'd');
  });
});
