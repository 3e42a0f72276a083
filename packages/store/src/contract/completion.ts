import assert from 'node:assert/strict';
import type { Store } from '../store.ts';
import {
  all,
  assertFault,
  assertSameBytes,
  bodyOf,
  bytesOf,
  FIRST,
  MIN,
  putParts,
  SECOND,
  textOf,
  withUpload,
} from './material.ts';

export function describeCompletion(opened: () => Store): void {
  describe('completion', () => {
    describeSuccess(opened);
    describeRefusal(opened);
  });
}

function describeSuccess(opened: () => Store): void {
  it('makes one object of the parts in the order of their numbers, with gaps between them', async () => {
    const upload = await opened().createUpload('folder/key', {
      contentType: 'application/zstd',
      metadata: { a: 'b' },
    });
    const [last] = await putParts(opened(), upload, { 9000: 'the end' });
    const parts = await putParts(opened(), upload, { 2: FIRST, 5: SECOND });
    const object = await opened().completeUpload(upload, [...parts, last]);
    assert.equal(object.bytes, 2 * MIN + 7);
    assert.deepEqual(await opened().head('folder/key'), object);
    assertSameBytes(
      await bytesOf(await opened().get('folder/key')),
      Buffer.concat([FIRST, SECOND, Buffer.from('the end')]),
    );
  });

  it('leaves out parts that it does not name', async () => {
    const upload = await opened().createUpload('key');
    const parts = await putParts(opened(), upload, { 1: FIRST, 2: SECOND, 3: 'end' });
    await opened().completeUpload(upload, [parts[0], parts[2]]);
    assertSameBytes(await bytesOf(await opened().get('key')), Buffer.concat([FIRST, Buffer.from('end')]));
  });

  it('takes one small part alone', async () => {
    const upload = await opened().createUpload('key');
    await opened().completeUpload(upload, await putParts(opened(), upload, { 10000: 'all' }));
    assert.equal(await textOf(opened(), 'key'), 'all');
  });

  it('ends the upload', async () => {
    const upload = await opened().createUpload('key');
    const parts = await putParts(opened(), upload, { 1: 'all' });
    await opened().completeUpload(upload, parts);
    assert.deepEqual(await all(opened().listUploads('key')), []);
    await assertFault(opened().completeUpload(upload, parts), 'NO_SUCH_UPLOAD', 'key');
    await assertFault(opened().putPart(upload, 1, bodyOf('late')), 'NO_SUCH_UPLOAD', 'key');
    await opened().abortUpload(upload);
    assert.equal(await textOf(opened(), 'key'), 'all');
  });
}

function describeRefusal(opened: () => Store): void {
  it('sees that a late writer has replaced a part, and takes the one that is there', async () => {
    const upload = await opened().createUpload('key');
    const [mine] = await putParts(opened(), upload, { 1: FIRST });
    const [late] = await putParts(opened(), upload, { 1: SECOND });
    await assertFault(opened().completeUpload(upload, [mine]), 'PART_MISMATCH', 'key');
    assert.deepEqual(await all(opened().listParts(upload)), [late]);
    await opened().completeUpload(upload, [late]);
    assertSameBytes(await bytesOf(await opened().get('key')), SECOND);
  });

  it('refuses parts that are missing, out of order or named twice', async () => {
    await withUpload(opened(), 'key', async (upload) => {
      const [one, two] = await putParts(opened(), upload, { 1: FIRST, 2: SECOND });
      await assertFault(
        opened().completeUpload(upload, [one, { ...two, number: 3 }]),
        'PART_MISMATCH',
        'key',
      );
      await assertFault(opened().completeUpload(upload, [two, one]), 'PART_MISMATCH', 'key');
      await assertFault(opened().completeUpload(upload, [one, one]), 'PART_MISMATCH', 'key');
      await assertFault(opened().completeUpload(upload, []), 'REFUSED', 'key');
      assert.deepEqual(await all(opened().listParts(upload)), [one, two]);
    });
  });

  it('refuses a part below 5 MiB that is not the last', async () => {
    await withUpload(opened(), 'key', async (upload) => {
      const parts = await putParts(opened(), upload, { 1: FIRST.subarray(1), 2: 'end' });
      await assertFault(opened().completeUpload(upload, parts), 'PART_TOO_SMALL', 'key');
      assert.deepEqual(await all(opened().listParts(upload)), parts);
    });
  });

  it('never overwrites an object', async () => {
    await withUpload(opened(), 'key', async (upload) => {
      const parts = await putParts(opened(), upload, { 1: 'mine' });
      await opened().put('key', bodyOf('theirs'));
      await assertFault(opened().completeUpload(upload, parts), 'ALREADY_EXISTS', 'key');
      assert.equal(await textOf(opened(), 'key'), 'theirs');
      assert.deepEqual(await all(opened().listParts(upload)), parts);
    });
  });

  it('lets one of two uploads have the key', async () => {
    const uploads = await Promise.all([1, 2].map(() => opened().createUpload('race')));
    const parts = await Promise.all(
      uploads.map((upload, index) => putParts(opened(), upload, { 1: `by ${index}` })),
    );
    const results = await Promise.allSettled(
      uploads.map((upload, index) => opened().completeUpload(upload, parts[index])),
    );
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal(await textOf(opened(), 'race'), `by ${winner}`);
    const loser = results[1 - winner];
    assert.equal(loser.status === 'rejected' && loser.reason.code, 'ALREADY_EXISTS');
    await opened().abortUpload(uploads[1 - winner]);
  });

  it('can be given up before it begins', async () => {
    await withUpload(opened(), 'key', async (upload) => {
      const parts = await putParts(opened(), upload, { 1: 'all' });
      await assertFault(opened().completeUpload(upload, parts, { signal: AbortSignal.abort() }), 'ABORTED');
      assert.deepEqual(await all(opened().listParts(upload)), parts);
    });
  });
}
