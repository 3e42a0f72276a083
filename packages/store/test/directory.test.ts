import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import {
  all,
  assertFault,
  assertSameBytes,
  bodyOf,
  bytesOf,
  FIRST,
  keysOf,
  MIN,
  putParts,
  SECOND,
  textOf,
} from '../src/contract/material.ts';
import { describeStore } from '../src/contract.ts';
import { DirectoryStore, type Part, type Upload } from '../src/index.ts';

const PARTS = { 1: FIRST, 2: SECOND, 3: FIRST, 4: SECOND, 5: FIRST, 9: SECOND, 10000: 'the end' };
const WHOLE = Buffer.concat([FIRST, SECOND, FIRST, SECOND, FIRST, SECOND, Buffer.from('the end')]);

describe('DirectoryStore', () => {
  let temp: TempFolder;
  let store: DirectoryStore;

  beforeEach(async () => {
    temp = await tempFolder('directory');
    store = await DirectoryStore.open(temp.path);
  });

  afterEach(() => temp[Symbol.asyncDispose]());

  const everything = () => readdir(temp.path, { recursive: true });

  describeStore('DirectoryStore', () => DirectoryStore.open(temp.path), { leftovers: everything });

  async function prepare(): Promise<{ upload: Upload; parts: Part[] }> {
    const upload = await store.createUpload('folder/archive.tar');
    return { upload, parts: await putParts(store, upload, PARTS) };
  }

  async function expectPublished(): Promise<void> {
    assertSameBytes(await bytesOf(await store.get('folder/archive.tar')), WHOLE);
    assert.deepEqual((await everything()).sort(), ['folder', 'folder/archive.tar']);
  }

  /** Runs a completion in a process that kills itself in the event loop's turn `turn`; gives the turns it had. */
  async function completeAndDie(upload: Upload, parts: readonly Part[], turn: number): Promise<number> {
    const child = fork(join(import.meta.dirname, 'completing-process.ts'));
    const messages: unknown[] = [];
    child.on('message', (message) => messages.push(message));
    child.send({ root: temp.path, upload, parts, turn });
    const [code, signal] = await once(child, 'exit');
    assert.ok(code === 0 || signal === 'SIGKILL', `the completing process ended with ${code ?? signal}`);
    return signal === 'SIGKILL' ? turn : Number(messages.at(-1));
  }

  describe('completion', () => {
    it('never has more on disk than the archive and one part', async () => {
      const { upload, parts } = await prepare();
      let most = 0;
      let done = false;
      const watch = async () => {
        while (!done) {
          most = Math.max(most, await blocksBelow(temp.path));
          await setImmediate();
        }
      };
      const watching = watch();
      await store.completeUpload(upload, parts);
      done = true;
      await watching;
      assert.ok(most >= WHOLE.byteLength, `saw ${most} bytes`);
      assert.ok(most <= WHOLE.byteLength + MIN + 2 ** 20, `saw ${most} bytes`);
      await expectPublished();
    });

    it('can be killed at any point, and then repeated', async () => {
      const first = await prepare();
      const turns = await completeAndDie(first.upload, first.parts, Number.POSITIVE_INFINITY);
      await expectPublished();
      const states = new Set<string>();
      for (let step = 1; step < 24; step++) {
        await store.delete(['folder/archive.tar']);
        const { upload, parts } = await prepare();
        await completeAndDie(upload, parts, Math.ceil((turns * step) / 24));
        states.add((await everything()).map((name) => name.replace(upload.id, 'ID')).join());
        if (!(await store.head(upload.key))) assert.deepEqual(await all(store.listParts(upload)), parts);
        await completeAgain(upload, parts);
        await expectPublished();
      }
      assert.ok(states.size > 4, `was killed in only ${states.size} different states`);
    }).timeout(300_000);

    /** As a caller does it: an upload that isn't there any more was completed if the object is there. */
    async function completeAgain(upload: Upload, parts: readonly Part[]): Promise<void> {
      try {
        await store.completeUpload(upload, parts);
      } catch (error) {
        await assertFault(Promise.reject(error), 'NO_SUCH_UPLOAD');
        assert.ok(await store.head(upload.key));
      }
    }

    /** Gives a completion up when so many parts are in the assembly. */
    async function interrupt(upload: Upload, parts: readonly Part[], assembled: number): Promise<void> {
      const controller = new AbortController();
      const completion = assertFault(store.completeUpload(upload, parts, controller), 'ABORTED');
      const sealed = join(temp.path, '.longshore/uploads', upload.id, 'sealed');
      const journal = join(temp.path, '.longshore/uploads', upload.id, 'journal.json');
      const isThere = () =>
        access(journal).then(
          () => true,
          () => false,
        );
      while (!(await isThere()) || (await readdir(sealed)).length > parts.length - assembled)
        await setImmediate();
      controller.abort();
      await completion;
    }

    it('takes the place of an interrupted one that named other parts', async () => {
      const { upload, parts } = await prepare();
      await interrupt(upload, parts, 3);
      assert.deepEqual(await all(store.listParts(upload)), parts);
      const [second] = await putParts(store, upload, { 2: Buffer.concat([SECOND, FIRST]) });
      const other = [parts[0], second, ...parts.slice(3)];
      const object = await store.completeUpload(upload, other);
      const expected = Buffer.concat([FIRST, SECOND, FIRST, SECOND, FIRST, SECOND, Buffer.from('the end')]);
      assert.equal(object.bytes, expected.byteLength);
      await expectPublished();
    });

    it('keeps what an interrupted one had taken, whatever late writers do', async () => {
      const { upload, parts } = await prepare();
      await interrupt(upload, parts, 2);
      await putParts(store, upload, { 1: 'late', 5: 'late' });
      assert.deepEqual(await all(store.listParts(upload)), parts);
      await store.completeUpload(upload, parts);
      await expectPublished();
    });

    it('has little left to do once it was prepared, and can name other parts all the same', async () => {
      const { upload, parts } = await prepare();
      await store.prepareCompletion(upload, parts);
      assert.deepEqual(await readdir(join(temp.path, '.longshore/uploads', upload.id, 'sealed')), []);
      assert.equal(await store.head(upload.key), undefined);
      await putParts(store, upload, { 1: 'late' });
      assert.deepEqual(await all(store.listParts(upload)), parts);
      const [second] = await putParts(store, upload, { 2: Buffer.concat([SECOND, FIRST]) });
      await store.completeUpload(upload, [parts[0], second, ...parts.slice(3)]);
      await expectPublished();
    });

    it('can be aborted after it was interrupted', async () => {
      const { upload, parts } = await prepare();
      await interrupt(upload, parts, 2);
      await store.abortUpload(upload);
      assert.deepEqual(await everything(), []);
    });

    it('is done by one of two processes', async () => {
      const { upload, parts } = await prepare();
      const other = await DirectoryStore.open(temp.path);
      const results = await Promise.allSettled(
        [store, other].map((each) => each.completeUpload(upload, parts)),
      );
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      const loser = results.find((result) => result.status === 'rejected');
      assert.ok(['UNAVAILABLE', 'NO_SUCH_UPLOAD'].includes(loser?.reason.code), loser?.reason);
      await expectPublished();
    });
  });

  describe('a part’s draft', () => {
    it('is taken over, and not copied', async () => {
      const upload = await store.createUpload('key');
      await using draft = await store.draftPart(upload);
      await writeFile(draft.path, FIRST);
      const { ino } = await stat(draft.path);
      const part = await store.putPart(upload, 1, { file: draft.path, offset: 0, bytes: FIRST.length });
      assert.equal((await stat(join(temp.path, '.longshore/uploads', upload.id, 'parts/00001'))).ino, ino);
      await store.completeUpload(upload, [part]);
      assertSameBytes(await bytesOf(await store.get('key')), FIRST);
    });

    it('is refused where it has another size, and removed where it was not put', async () => {
      const upload = await store.createUpload('key');
      const draft = await store.draftPart(upload);
      await writeFile(draft.path, FIRST);
      const put = store.putPart(upload, 1, { file: draft.path, offset: 0, bytes: FIRST.length + 1 });
      await assertFault(put, 'REFUSED', draft.path);
      assert.deepEqual(await all(store.listParts(upload)), []);
      await draft[Symbol.asyncDispose]();
      await assert.rejects(access(draft.path));
    });

    it('has no place once the upload is gone', async () => {
      const upload = await store.createUpload('key');
      const draft = await store.draftPart(upload);
      await store.abortUpload(upload);
      const refused = writeFile(draft.path, FIRST).catch((error) => Promise.reject(draft.fault(error)));
      await assertFault(refused, 'NO_SUCH_UPLOAD', 'key');
      await assertFault(store.draftPart(upload), 'NO_SUCH_UPLOAD', 'key');
    });
  });

  describe('folders', () => {
    it('come and go under many writers at once', async () => {
      const other = await DirectoryStore.open(temp.path);
      const rounds = Array.from({ length: 60 }, async (_, index) => {
        const each = index % 2 ? store : other;
        const key = `deep/er/${index % 5}/${index}`;
        await each.put(key, bodyOf(key), { ifAbsent: true });
        await each.delete([key]);
        await each.abortUpload(await each.createUpload(key));
      });
      await Promise.all(rounds);
      assert.deepEqual(await everything(), []);
    });

    it('that someone else made stay, if something is in them', async () => {
      await mkdir(join(temp.path, 'theirs'));
      await writeFile(join(temp.path, 'theirs/file'), 'text');
      await store.put('theirs/mine', bodyOf('mine'));
      assert.deepEqual(await keysOf(store.list('')), ['theirs/file', 'theirs/mine']);
      await store.delete(['theirs/mine']);
      assert.deepEqual((await everything()).sort(), ['theirs', 'theirs/file']);
    });

    it('are made in an absent directory whose parent exists', async () => {
      const nested = await DirectoryStore.open(join(temp.path, 'new'));
      await nested.put('key', bodyOf('text'));
      assert.equal(await textOf(store, 'new/key'), 'text');
    });

    it('for what is being written stay as long as a work area does', async () => {
      await store.put('.longshore/export/order', bodyOf('text'));
      await store.put('.longshore/export/items/1', bodyOf('text'));
      assert.ok((await everything()).includes('.longshore/tmp'));
      await store.delete(['.longshore/export/order', '.longshore/export/items/1']);
      assert.deepEqual(await everything(), []);
    });

    it('for what is being written go where nothing was written', async () => {
      await store.put('.longshore/export/order', bodyOf('text'));
      const again = store.put('.longshore/export/order', bodyOf('text'), { ifAbsent: true });
      await assertFault(again, 'ALREADY_EXISTS', 'order');
      assert.ok(!(await everything()).includes('.longshore/tmp'));
      await store.delete(['.longshore/export/order']);
      assert.deepEqual(await everything(), []);
    });

    it("aren't made where the whole directory has gone away", async () => {
      const path = join(temp.path, 'root');
      const gone = await DirectoryStore.open(path);
      await rename(path, `${path}.away`);
      await assertFault(gone.put('key', bodyOf('text')), 'UNREACHABLE', path);
      await assertFault(gone.createUpload('key'), 'UNREACHABLE', path);
      await rm(`${path}.away`, { recursive: true });
      assert.deepEqual(await everything(), []);
    });
  });

  it('says so when another directory is in its place, as after an unmount', async () => {
    const path = join(temp.path, 'root');
    const mounted = await DirectoryStore.open(path);
    await mounted.put('key', bodyOf('text'));
    await rename(path, `${path}.away`);
    await mkdir(path);
    await assertFault(mounted.head('key'), 'UNREACHABLE', path);
    await assertFault(all(mounted.list('')), 'UNREACHABLE', path);
    await assertFault(mounted.put('other', bodyOf('text')), 'UNREACHABLE', path);
    assert.deepEqual(await readdir(path), []);
  });

  it("can't be a file, or below one, or below what isn't there", async () => {
    await writeFile(join(temp.path, 'file'), '');
    await assertFault(DirectoryStore.open(join(temp.path, 'file')), 'BAD_DESTINATION', 'file');
    await assertFault(DirectoryStore.open(join(temp.path, 'file/below')), 'BAD_DESTINATION', 'file');
    await assertFault(DirectoryStore.open(join(temp.path, 'absent/below')), 'BAD_DESTINATION', 'absent');
  });

  it('refuses a key whose name is taken by a folder, or by a file in its path', async () => {
    await store.put('a/b', bodyOf('text'));
    await assertFault(store.put('a', bodyOf('text')), 'REFUSED', '/a');
    await assertFault(store.put('a/b/c', bodyOf('text')), 'REFUSED', '/a/b/c');
    await assertFault(store.get('a'), 'NOT_FOUND', '/a');
    assert.equal(await store.head('a/b/c'), undefined);
    await store.delete(['a/b/c', 'a/b']);
    assert.deepEqual(await everything(), []);
  });

  it('removes at once what a killed writer of this machine left, and nothing of one that lives', async () => {
    const child = fork(join(import.meta.dirname, 'dying-process.ts'));
    child.send({ root: temp.path });
    await once(child, 'message');
    const written = await everything();
    await store.put('key', bodyOf('text'));
    assert.deepEqual((await everything()).sort(), [...written, 'key'].sort());
    child.kill('SIGKILL');
    await once(child, 'exit');
    await store.delete(['key']);
    assert.deepEqual(await everything(), []);
  });

  it('removes what a killed writer of another machine left, a day later', async () => {
    const left = join(temp.path, '.longshore/tmp/left');
    await mkdir(join(temp.path, '.longshore/tmp'), { recursive: true });
    await writeFile(left, 'half');
    await DirectoryStore.open(temp.path);
    await access(left);
    await utimes(left, 0, 0);
    await DirectoryStore.open(temp.path);
    assert.deepEqual(await everything(), []);
  });

  it("says when it isn't allowed to write", async () => {
    if (process.getuid?.() === 0) return await expectDeniedAsOther(temp.path);
    await chmod(temp.path, 0o500);
    await assertFault(store.put('key', bodyOf('text')), 'ACCESS_DENIED', temp.path);
    await chmod(temp.path, 0o700);
  });
});

/** Root may write everywhere, so another user tries. */
async function expectDeniedAsOther(root: string): Promise<void> {
  await chmod(root, 0o755);
  const child = fork(join(import.meta.dirname, 'writing-process.ts'));
  child.send({ root, uid: 65_534 });
  const [code] = await once(child, 'message');
  assert.equal(code, 'ACCESS_DENIED');
  await once(child, 'exit');
}

/** The disk space that everything below a folder takes, with each file counted once; what goes away meanwhile counts 0. */
async function blocksBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  const files = new Map(
    found.filter((file) => file?.isFile()).map((file) => [file!.ino, file!.blocks * 512]),
  );
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
