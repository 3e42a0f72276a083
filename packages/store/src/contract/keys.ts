import assert from 'node:assert/strict';
import type { Store } from '../store.ts';
import { assertFault, bodyOf, keysOf, textOf, withUpload } from './material.ts';

const ODD = [
  'with space/and  two',
  'plus+and%20percent%',
  'ünïcödé/日本語/😀',
  'quote"\'<&>;?#=@!$*(),~[]{}|\\^`:',
  '-dash/.hidden/..dots/...',
  'é as one, é as two characters',
  `long/${'x'.repeat(200)}/${'y'.repeat(200)}`,
];

const BAD = [
  '',
  '/',
  '/absolute',
  'folder/',
  'a//b',
  '.',
  '..',
  'a/../b',
  'a/./b',
  'nul\0',
  'line\nbreak',
  '\ud800',
  'x'.repeat(1025),
];

export function describeKeys(opened: () => Store): void {
  describe('keys', () => {
    for (const key of ODD) {
      it(`can be ${JSON.stringify(key.slice(0, 60))}`, async () => {
        await opened().put(key, bodyOf(key));
        assert.equal((await opened().head(key))?.key, key);
        assert.equal(await textOf(opened(), key), key);
        assert.deepEqual(await keysOf(opened().list('')), [key]);
        assert.deepEqual(await keysOf(opened().list(key.slice(0, 6))), [key]);
        await withUpload(opened(), `${key}.upload`, async (upload) => {
          assert.deepEqual(await Array.fromAsync(opened().listUploads(upload.key)), [upload]);
        });
        await opened().delete([key]);
        assert.equal(await opened().head(key), undefined);
      });
    }

    it("can't be paths that lead elsewhere, or what some store couldn't hold", async () => {
      for (const key of BAD) {
        await assertFault(opened().put(key, bodyOf('text')), 'REFUSED');
        await assertFault(opened().head(key), 'REFUSED');
        await assertFault(opened().delete([key]), 'REFUSED');
        await assertFault(opened().createUpload(key), 'REFUSED');
      }
      await assertFault(Array.fromAsync(opened().list('../')), 'REFUSED');
      await assertFault(Array.fromAsync(opened().list('a/../../')), 'REFUSED');
    });

    it('beginning with what a store needs for itself are refused', async () => {
      await assertFault(opened().put('.longshore/uploads/x', bodyOf('text')), 'REFUSED');
      await assertFault(opened().put('.longshore/tmp/x', bodyOf('text')), 'REFUSED');
      await opened().put('.longshore/an-export/order.json', bodyOf('{}'));
      assert.deepEqual(await keysOf(opened().list('.longshore/')), ['.longshore/an-export/order.json']);
    });
  });
}
