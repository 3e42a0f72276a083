import assert from 'node:assert/strict';
import { once } from 'node:events';
import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { readRange } from '../src/directory/read-range.ts';

/** More readers than reads are under way at once. */
const READERS = 100;

describe('reading a range of a file', () => {
  const content = Buffer.alloc(1_000_000, 'the tide comes in, ');
  let temp: TempFolder;
  let file: string;

  beforeEach(async () => {
    temp = await tempFolder('read-range');
    file = join(temp.path, 'file');
    await writeFile(file, content);
  });

  afterEach(() => temp[Symbol.asyncDispose]());

  const openFiles = async () => (await readdir('/proc/self/fd')).length;

  async function untilClosed(before: number): Promise<void> {
    while ((await openFiles()) > before) await delay(5);
  }

  it('gives its bytes to many at once, and closes their files', async () => {
    const before = await openFiles();
    const read = async (number: number) => {
      const [start, end] = [number * 7, content.length - number * 11];
      const read = await buffer(readRange(await open(file), { start, end }));
      assert.ok(read.equals(content.subarray(start, end)));
    };
    await Promise.all(Array.from({ length: READERS }, (_, number) => read(number)));
    await untilClosed(before);
  });

  it('ends where the file does', async () => {
    const source = readRange(await open(file), { start: content.length - 10, end: Number.POSITIVE_INFINITY });
    assert.ok((await buffer(source)).equals(content.subarray(-10)));
    assert.equal((await buffer(readRange(await open(file), { start: 2e6, end: 3e6 }))).length, 0);
  });

  it('ends when it is told to, whether it reads, waits for its turn or was never read', async () => {
    const before = await openFiles();
    const ending = new AbortController();
    const { signal } = ending;
    const sources = await Promise.all(
      Array.from({ length: READERS }, async () =>
        readRange(await open(file), { start: 0, end: content.length, signal }),
      ),
    );
    const ends = sources.map((source) => once(source, 'error'));
    for (const source of sources.slice(1)) source.resume();
    ending.abort();
    for (const [error] of await Promise.all(ends)) assert.equal(error.name, 'AbortError');
    await untilClosed(before);
  });

  it('fails with what the system says', async () => {
    const handle = await open(temp.path);
    await assert.rejects(buffer(readRange(handle, { start: 0, end: 10 })), { code: 'EISDIR' });
    // The next one has its turn all the same.
    assert.equal((await buffer(readRange(await open(file), { start: 0, end: 10 }))).length, 10);
  });
});
