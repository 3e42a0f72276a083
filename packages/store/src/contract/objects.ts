import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse as parseContentDisposition } from 'content-disposition';
import type { LinkOptions, Store } from '../store.ts';
import {
  all,
  assertFault,
  assertSameBytes,
  bodyOf,
  bytesOf,
  FIRST,
  forEachNumber,
  keysOf,
  SECOND,
  textOf,
} from './material.ts';

export function describeObjects(opened: () => Store): void {
  describe('objects', () => {
    describeWriting(opened);
    describeReading(opened);
    describeLinking(opened);
    describeDeleting(opened);
    describeListing(opened);

    it('are written, listed, read and deleted by a probe, which leaves nothing', async () => {
      await opened().probe();
      assert.deepEqual(await all(opened().list('')), []);
    });

    it('are out of reach of a caller that has given up', async () => {
      const store = opened();
      const signal = AbortSignal.abort();
      await assertFault(store.put('key', bodyOf('text'), { signal }), 'ABORTED');
      await assertFault(store.head('key', { signal }), 'ABORTED');
      await assertFault(store.get('key', { signal }), 'ABORTED');
      assert.equal(await store.head('key'), undefined);
    });
  });
}

function describeWriting(opened: () => Store): void {
  it('are what was written, in however many chunks', async () => {
    const written = await opened().put('a/key', bodyOf('one ', 'two ', 'three'));
    assert.deepEqual(await opened().head('a/key'), written);
    assert.equal(written.bytes, 13);
    assert.equal(await textOf(opened(), 'a/key'), 'one two three');
  });

  it('may be empty', async () => {
    await opened().put('empty', bodyOf());
    assert.equal((await opened().head('empty'))?.bytes, 0);
    assert.equal(await textOf(opened(), 'empty'), '');
  });

  it('may be larger than any buffer', async () => {
    await opened().put('large', bodyOf(FIRST, SECOND));
    assertSameBytes(await bytesOf(await opened().get('large')), Buffer.concat([FIRST, SECOND]));
  });

  it('may come with their SHA-256', async () => {
    const sha256 = createHash('sha256').update('text').digest('hex');
    await opened().put('key', { ...bodyOf('te', 'xt'), sha256 });
    assert.equal(await textOf(opened(), 'key'), 'text');
  });

  it('are taken from a range of a file', async () => {
    const file = fileURLToPath(import.meta.url);
    await opened().put('from-file', { bytes: 100, file, offset: 7 });
    assert.equal(await textOf(opened(), 'from-file'), String((await readFile(file)).subarray(7, 107)));
  });

  it("aren't written from a file that is too short, or isn't there", async () => {
    const file = fileURLToPath(import.meta.url);
    const { size } = await stat(file);
    await assertFault(opened().put('key', { bytes: 100, file, offset: size - 99 }), 'REFUSED', file);
    await assertFault(opened().put('key', { bytes: 1, file: `${file}.gone`, offset: 0 }), 'REFUSED', file);
    assert.equal(await opened().head('key'), undefined);
  });

  it("aren't written from a body that is shorter or longer than it says", async () => {
    await assertFault(opened().put('key', { ...bodyOf('four'), bytes: 5 }), 'REFUSED');
    await assertFault(opened().put('key', { ...bodyOf('four'), bytes: 3 }), 'REFUSED');
    assert.equal(await opened().head('key'), undefined);
  });

  it('are replaced by a later write, under another ETag', async () => {
    const first = await opened().put('key', bodyOf('first'));
    const second = await opened().put('key', bodyOf('other'));
    assert.notEqual(first.etag, second.etag);
    assert.equal(await textOf(opened(), 'key'), 'other');
  });

  it('stay as they are when a write is for an absent one only', async () => {
    await opened().put('key', bodyOf('first'), { ifAbsent: true });
    await assertFault(opened().put('key', bodyOf('other'), { ifAbsent: true }), 'ALREADY_EXISTS', 'key');
    assert.equal(await textOf(opened(), 'key'), 'first');
  });

  it('have one writer, when several at once write if absent', async () => {
    const texts = ['a', 'b', 'c', 'd'];
    const results = await Promise.allSettled(
      texts.map((text) => opened().put('race', bodyOf(text), { ifAbsent: true })),
    );
    const winners = texts.filter((_, index) => results[index].status === 'fulfilled');
    assert.equal(winners.length, 1);
    assert.equal(await textOf(opened(), 'race'), winners[0]);
    const losers = results.filter((result) => result.status === 'rejected');
    assert.deepEqual(new Set(losers.map(({ reason }) => reason.code)), new Set(['ALREADY_EXISTS']));
  });
}

function describeReading(opened: () => Store): void {
  const read = async (start: number, end: number) =>
    String(await bytesOf(await opened().get('key', { range: { start, end } })));

  it('are read in ranges, whose end is exclusive', async () => {
    await opened().put('key', bodyOf('0123456789'));
    assert.equal(await read(0, 1), '0');
    assert.equal(await read(3, 7), '3456');
    assert.equal(await read(9, 10), '9');
  });

  it('end a range that goes beyond them', async () => {
    await opened().put('key', bodyOf('0123456789'));
    assert.equal(await read(8, 100), '89');
    assert.equal(await read(10, 20), '');
    assert.equal(await read(5, 5), '');
  });

  it("can't be read where there are none", async () => {
    assert.equal(await opened().head('absent'), undefined);
    await assertFault(opened().get('absent'), 'NOT_FOUND', 'absent');
    await assertFault(opened().get('absent', { range: { start: 0, end: 0 } }), 'NOT_FOUND', 'absent');
  });

  it('can be left half-read', async () => {
    await opened().put('large', bodyOf(FIRST));
    for await (const chunk of await opened().get('large')) {
      assert.ok(chunk.byteLength > 0);
      break;
    }
    (await opened().get('large')).destroy();
  });
}

function describeDeleting(opened: () => Store): void {
  it('are deleted, and deleted again', async () => {
    await opened().put('a/b/one', bodyOf('1'));
    await opened().put('a/b/two', bodyOf('2'));
    await opened().delete(['a/b/one', 'a/absent', 'absent/too']);
    await opened().delete(['a/b/one']);
    assert.deepEqual(await keysOf(opened().list('')), ['a/b/two']);
    await opened().delete([]);
  });
}

function describeListing(opened: () => Store): void {
  it('are listed below a prefix, which may end inside a name', async () => {
    for (const key of ['b/x', 'a/1', 'a/2/deep', 'ab', 'c']) await opened().put(key, bodyOf(key));
    assert.deepEqual(await keysOf(opened().list('a')), ['a/1', 'a/2/deep', 'ab']);
    assert.deepEqual(await keysOf(opened().list('a/')), ['a/1', 'a/2/deep']);
    assert.deepEqual(await keysOf(opened().list('absent/')), []);
  });

  it('are listed with size and ETag', async () => {
    const written = await opened().put('a/key', bodyOf('text'));
    assert.deepEqual(await all(opened().list('a/')), [written]);
  });

  it('are listed by the bytes of their keys, whatever folders they are in', async () => {
    const keys = ['a-b', 'a.b', 'a/b', 'a/é', 'a0', 'b', 'B', 'é', '\u{ff5e}', '\u{1f600}'];
    for (const key of keys) await opened().put(key, bodyOf(key));
    const expected = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(opened().list('')), expected);
  });

  it('are listed and deleted in thousands', async () => {
    const count = 1_100;
    await forEachNumber(count, (number) => opened().put(`many/${String(number).padStart(5, '0')}`, bodyOf()));
    const keys = await keysOf(opened().list('many/'));
    assert.equal(new Set(keys).size, count);
    assert.deepEqual(keys, [...keys].sort());
    await opened().delete(keys);
    assert.deepEqual(await all(opened().list('')), []);
  });
}

function describeLinking(opened: () => Store): void {
  const link = (options: Partial<LinkOptions> = {}) =>
    opened().link('a/key.tar', { method: 'GET', expiresSeconds: 60, ...options });

  it('have links, where anyone but this process reaches them', async () => {
    await opened().put('a/key.tar', bodyOf('0123456789'));
    const [got, head] = [await link(), await link({ method: 'HEAD' })];
    if (!got || !head) return assert.deepEqual([got, head], [undefined, undefined]);
    assert.equal(got.expiresIn, 60);
    const whole = await fetch(got.url);
    assert.equal(await whole.text(), '0123456789');
    const looked = await fetch(head.url, { method: 'HEAD' });
    assert.deepEqual([looked.status, looked.headers.get('content-length')], [200, '10']);
    const range = await fetch(got.url, { headers: { range: 'bytes=3-5' } });
    assert.deepEqual([range.status, await range.text()], [206, '345']);
  });

  it('have links that name the file', async () => {
    await opened().put('a/key.tar', bodyOf('text'));
    const named = await link({ filename: 'Müll "&" 漢字;.tar' });
    if (!named) return;
    const { headers } = await fetch(named.url);
    const { type, parameters } = parseContentDisposition(headers.get('content-disposition') ?? '');
    assert.deepEqual([type, parameters.filename], ['attachment', 'Müll "&" 漢字;.tar']);
  });

  it('have no links that last longer than a week, or no time at all', async () => {
    for (const expiresSeconds of [0, -1, 1.5, Number.NaN, 604_801])
      await assertFault(link({ expiresSeconds }), 'REFUSED', String(expiresSeconds));
    await link({ expiresSeconds: 604_800 });
    await assertFault(opened().link('../key', { method: 'GET', expiresSeconds: 60 }), 'REFUSED', '../key');
    await assertFault(link({ signal: AbortSignal.abort() }), 'ABORTED');
  });
}
