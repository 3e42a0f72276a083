import assert from 'node:assert/strict';
import type { Store } from '../store.ts';
import {
  all,
  assertFault,
  bodyOf,
  FIRST,
  forEachNumber,
  keysOf,
  putParts,
  SECOND,
  withUpload,
} from './material.ts';

export function describeUploads(opened: () => Store): void {
  describe('uploads', () => {
    it("don't show as objects", async () => {
      await withUpload(opened(), 'folder/key', async (upload) => {
        await putParts(opened(), upload, { 1: 'part' });
        assert.equal(await opened().head('folder/key'), undefined);
        assert.deepEqual(await keysOf(opened().list('')), []);
      });
    });

    it('are found by exactly their key', async () => {
      await withUpload(opened(), 'key', (first) =>
        withUpload(opened(), 'key', (second) =>
          withUpload(opened(), 'key2', async () => {
            const ids = (await all(opened().listUploads('key'))).map(({ id }) => id);
            assert.deepEqual(ids.sort(), [first.id, second.id].sort());
            assert.deepEqual(await all(opened().listUploads('ke')), []);
          }),
        ),
      );
    });

    it('hold parts of any size under any numbers, in order', async () => {
      await withUpload(opened(), 'key', async (upload) => {
        const [last, first, middle] = await Promise.all(
          [10_000, 1, 77].map((number) => opened().putPart(upload, number, bodyOf(`part ${number}`))),
        );
        assert.deepEqual(await all(opened().listParts(upload)), [first, middle, last]);
        assert.equal(first.bytes, 6);
      });
    });

    it('refuse numbers that S3 would not take', async () => {
      await withUpload(opened(), 'key', async (upload) => {
        for (const number of [0, -1, 1.5, 10_001, Number.NaN]) {
          await assertFault(opened().putPart(upload, number, bodyOf('part')), 'REFUSED');
        }
      });
    });

    it('replace a part by one of the same number, under another ETag', async () => {
      await withUpload(opened(), 'key', async (upload) => {
        const [first] = await putParts(opened(), upload, { 3: FIRST });
        const [second] = await putParts(opened(), upload, { 3: SECOND });
        assert.notEqual(first.etag, second.etag);
        assert.deepEqual(await all(opened().listParts(upload)), [second]);
      });
    });

    it('list more parts than one answer holds', async () => {
      const count = 1_100;
      await withUpload(opened(), 'key', async (upload) => {
        await forEachNumber(count, (number) => opened().putPart(upload, 2 * number, bodyOf('x')));
        const parts = await all(opened().listParts(upload));
        assert.deepEqual(
          parts.map(({ number }) => number),
          Array.from({ length: count }, (_, index) => 2 * index + 2),
        );
        assert.ok(parts.every(({ bytes, etag }) => bytes === 1 && etag !== ''));
      });
    });

    it('are gone after abortion, and can be aborted again', async () => {
      const upload = await opened().createUpload('key');
      await putParts(opened(), upload, { 1: 'part' });
      await opened().abortUpload(upload);
      await opened().abortUpload(upload);
      assert.deepEqual(await all(opened().listUploads('key')), []);
      await assertFault(all(opened().listParts(upload)), 'NO_SUCH_UPLOAD', 'key');
      await assertFault(opened().putPart(upload, 1, bodyOf('part')), 'NO_SUCH_UPLOAD', 'key');
      await assertFault(opened().putPart(upload, 1, bodyOf(FIRST, SECOND)), 'NO_SUCH_UPLOAD', 'key');
      const part = { number: 1, bytes: 4, etag: 'd41d8cd98f00b204e9800998ecf8427e' };
      await assertFault(opened().completeUpload(upload, [part]), 'NO_SUCH_UPLOAD', 'key');
    });

    it("don't answer to another upload's name", async () => {
      await assertFault(all(opened().listParts({ key: 'key', id: 'no-such-id' })), 'NO_SUCH_UPLOAD');
      await assertFault(all(opened().listParts({ key: 'key', id: '../..' })), 'NO_SUCH_UPLOAD');
    });
  });
}
