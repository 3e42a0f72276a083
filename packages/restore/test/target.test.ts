import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { closeDescriptor, errno } from '@longshore/tape/posix';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { openTarget } from '../src/extract/open-target.ts';
import { Target } from '../src/extract/target.ts';

const bytes = (path: string) => Buffer.from(path);

/** Each of the calls that make something. */
const MAKING: Record<string, (target: Target, path: Buffer) => number> = {
  directory: (target, path) => target.makeDirectory(path),
  file: (target, path) => target.createFile(path),
  'symbolic link': (target, path) => target.symlink(path, bytes('anything')),
  FIFO: (target, path) => target.node(path, { mode: 0o010600, device: 0n }),
  'hard link': (target, path) => target.link(path, bytes('mine')),
};

for (const openat2 of [true, false]) {
  describe(`a target, ${openat2 ? 'with' : 'without'} openat2`, () => {
    let temp: TempFolder;
    let folder: string;
    let outside: string;
    let root: ReturnType<typeof openTarget>;
    let target: Target;

    beforeEach(async () => {
      temp = await tempFolder('target');
      [folder, outside] = ['target', 'outside'].map((name) => join(temp.path, name));
      mkdirSync(outside);
      writeFileSync(join(outside, 'secret'), 'secret');
      root = openTarget(folder);
      target = new Target({ ...root, openat2: openat2 && root.openat2 });
      writeFileSync(join(folder, 'mine'), 'mine');
    });
    afterEach(async () => {
      assert.deepEqual(readdirSync(outside), ['secret']);
      assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
      assert.equal(statSync(join(outside, 'secret')).nlink, 1);
      target[Symbol.dispose]();
      root[Symbol.dispose]();
      await temp[Symbol.asyncDispose]();
    });

    for (const [kind, make] of Object.entries(MAKING)) {
      it(`makes no ${kind} through a symbolic link, or a way up`, () => {
        symlinkSync(outside, join(folder, 'door'));
        for (const path of ['door/new', '../outside/new', `${outside}/new`, 'door/../new', '..', 'mine/new'])
          assert.ok(make(target, bytes(path)) < 0, path);
      });

      it(`makes no ${kind} where something is`, () => {
        symlinkSync(join(outside, 'new'), join(folder, 'dangling'));
        for (const path of ['mine', 'dangling']) assert.equal(make(target, bytes(path)), -errno.EEXIST);
      });
    }

    it('links to nothing outside', () => {
      symlinkSync(outside, join(folder, 'door'));
      for (const first of ['door/secret', '../outside/secret', join(outside, 'secret')])
        assert.ok(target.link(bytes('link'), bytes(first)) < 0, first);
      assert.deepEqual(readdirSync(folder).sort(), ['door', 'mine']);
    });

    it('looks at a symbolic link, and not through it; and writes to none', () => {
      symlinkSync(join(outside, 'secret'), join(folder, 'door'));
      const fd = target.look(bytes('door'));
      assert.ok(fd >= 0);
      closeDescriptor(fd);
      assert.equal(target.openFile(bytes('door')), -errno.ELOOP);
    });

    it('leaves a directory that is swapped for a symbolic link while it is in use', () => {
      assert.equal(target.makeDirectory(bytes('a')), 0);
      assert.equal(target.makeDirectory(bytes('a/b')), 0);
      renameSync(join(folder, 'a'), join(folder, 'moved'));
      symlinkSync(outside, join(folder, 'a'));
      // The directory of the last call is still open: what is made there is made in the one that was moved.
      assert.equal(target.makeDirectory(bytes('a/c')), 0);
      assert.deepEqual(readdirSync(join(folder, 'moved')).sort(), ['b', 'c']);
      assert.ok(target.makeDirectory(bytes('a/b/c')) < 0);
    });
  });
}
