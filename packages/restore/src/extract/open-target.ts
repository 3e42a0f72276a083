import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  AT_FDCWD,
  closeDescriptor,
  cString,
  errno,
  errnoName,
  hasNames,
  mountIdOf,
  OPEN_ROOT,
  probeOpenat2,
  type Root,
  result,
} from '@longshore/tape/posix';
import { RestoreError } from '../error.ts';
import { descriptorPath } from '../posix/descriptor-path.ts';
import { openat, removexattr } from '../posix/libc.ts';

const DEFAULT_ACL = Buffer.from('system.posix_acl_default\0');

/**
 * Opens the directory to restore to, which is made where its parent exists. Throws BAD_TARGET where that can't be,
 * or where something is in it. The descriptor is this process's, for all its threads, until it is closed.
 */
export function openTarget(directory: string): Root & Disposable {
  const path = resolve(directory);
  makeDirectory(path);
  const fd = result(openat(AT_FDCWD, cString(Buffer.from(path)), OPEN_ROOT, 0));
  if (fd < 0) throw unusable(path, errnoName(fd));
  const dispose = () => closeDescriptor(fd);
  try {
    expectEmpty(path, fd);
    // What is made in a directory with a default ACL gets one; the archive says which entries have some.
    removexattr(descriptorPath(fd), DEFAULT_ACL);
    return { fd, mountId: mountIdOf(fd), openat2: probeOpenat2(fd), [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code !== 'EEXIST') throw unusable(path, code, { cause: error });
  }
}

function expectEmpty(path: string, fd: number): void {
  const found = hasNames(fd);
  if (typeof found === 'number') throw unusable(path, errnoName(found));
  if (found)
    throw new RestoreError('BAD_TARGET', `${path} is not empty: name a directory that is, or a new one.`);
}

function unusable(path: string, why: string, options?: ErrorOptions): RestoreError {
  const hint = why === errnoName(-errno.ENOENT) ? 'make its parent first' : 'name another one';
  return new RestoreError('BAD_TARGET', `${path} can't be restored to (${why}): ${hint}.`, options);
}
