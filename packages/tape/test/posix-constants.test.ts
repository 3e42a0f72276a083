import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants as fs, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ours from '../src/posix/constants.ts';
import { errno } from '../src/posix/errno.ts';

const HEADERS = `
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <linux/xattr.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>`;

/** C's expression for each of our numbers. */
const EXPECTED: Record<string, number> = {
  O_PATH: ours.O_PATH,
  O_CLOEXEC: ours.O_CLOEXEC,
  'O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC': ours.OPEN_HOP,
  'O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC': ours.OPEN_DIRECTORY,
  'O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC': ours.OPEN_FILE,
  'O_RDONLY | O_DIRECTORY | O_CLOEXEC': ours.OPEN_ROOT,
  SYS_openat2: ours.SYSCALL.openat2,
  AT_FDCWD: ours.AT_FDCWD,
  AT_SYMLINK_NOFOLLOW: ours.AT_SYMLINK_NOFOLLOW,
  AT_NO_AUTOMOUNT: ours.AT_NO_AUTOMOUNT,
  AT_EMPTY_PATH: ours.AT_EMPTY_PATH,
  AT_STATX_FORCE_SYNC: ours.AT_STATX_FORCE_SYNC,
  RESOLVE_NO_XDEV: ours.RESOLVE.noXdev,
  RESOLVE_NO_MAGICLINKS: ours.RESOLVE.noMagiclinks,
  RESOLVE_NO_SYMLINKS: ours.RESOLVE.noSymlinks,
  RESOLVE_BENEATH: ours.RESOLVE.beneath,
  STATX_BASIC_STATS: ours.STATX_BASIC_STATS,
  STATX_MNT_ID: ours.STATX_MNT_ID,
  SEEK_DATA: ours.SEEK_DATA,
  SEEK_HOLE: ours.SEEK_HOLE,
  PATH_MAX: ours.PATH_MAX,
  NAME_MAX: ours.NAME_MAX,
  XATTR_SIZE_MAX: ours.XATTR_SIZE_MAX,
  XATTR_LIST_MAX: ours.XATTR_LIST_MAX,
  'sizeof(struct statx)': ours.STATX_BYTES,
  'offsetof(struct statx, stx_mask)': ours.STATX.mask,
  'offsetof(struct statx, stx_nlink)': ours.STATX.nlink,
  'offsetof(struct statx, stx_uid)': ours.STATX.uid,
  'offsetof(struct statx, stx_gid)': ours.STATX.gid,
  'offsetof(struct statx, stx_mode)': ours.STATX.mode,
  'offsetof(struct statx, stx_ino)': ours.STATX.ino,
  'offsetof(struct statx, stx_size)': ours.STATX.size,
  'offsetof(struct statx, stx_blocks)': ours.STATX.blocks,
  'offsetof(struct statx, stx_ctime)': ours.STATX.ctime,
  'offsetof(struct statx, stx_mtime)': ours.STATX.mtime,
  'offsetof(struct statx, stx_rdev_major)': ours.STATX.rdevMajor,
  'offsetof(struct statx, stx_rdev_minor)': ours.STATX.rdevMinor,
  'offsetof(struct statx, stx_dev_major)': ours.STATX.devMajor,
  'offsetof(struct statx, stx_dev_minor)': ours.STATX.devMinor,
  'offsetof(struct statx, stx_mnt_id)': ours.STATX.mountId,
  'offsetof(struct statx_timestamp, tv_nsec)': ours.STATX_NSEC,
  'offsetof(struct dirent64, d_reclen)': ours.DIRENT.length,
  'offsetof(struct dirent64, d_type)': ours.DIRENT.type,
  'offsetof(struct dirent64, d_name)': ours.DIRENT.name,
  'sizeof(struct open_how)': ours.OPEN_HOW.bytes,
  'offsetof(struct open_how, flags)': ours.OPEN_HOW.flags,
  'offsetof(struct open_how, resolve)': ours.OPEN_HOW.resolve,
  ENOKEY: ours.ENOKEY,
};

/** Linux 6.13's, which older headers lack; volume.test.ts has the kernel itself judge them. */
const NEWER: Record<string, number> = {
  SYS_getxattrat: ours.SYSCALL.getxattrat,
  SYS_listxattrat: ours.SYSCALL.listxattrat,
};
const NEWER_STRUCT: Record<string, number> = {
  'sizeof(struct xattr_args)': ours.XATTR_ARGS.bytes,
  'offsetof(struct xattr_args, value)': ours.XATTR_ARGS.value,
  'offsetof(struct xattr_args, size)': ours.XATTR_ARGS.size,
};

/** The platform's own numbers, by compiling and running a program. What its headers lack is left out. */
function platform(): Record<string, number> {
  const print = (name: string) =>
    `printf(",\\n\\"%s\\": %lld", ${JSON.stringify(name)}, (long long)(${name}));`;
  const program = `${HEADERS}
int main(void) {
  printf("{\\"\\": 0");
  ${Object.keys(EXPECTED).map(print).join('\n  ')}
  ${Object.keys(NEWER)
    .map((name) => `\n#ifdef ${name}\n${print(name)}\n#endif\n`)
    .join('')}
#ifdef XATTR_ARGS_SIZE_VER0
  ${Object.keys(NEWER_STRUCT).map(print).join('\n  ')}
#endif
  printf("}");
}`;
  const dir = mkdtempSync(join(tmpdir(), 'longshore-constants-'));
  try {
    writeFileSync(join(dir, 'print.c'), program);
    execFileSync('cc', ['-o', join(dir, 'print'), join(dir, 'print.c')]);
    return JSON.parse(execFileSync(join(dir, 'print'), { encoding: 'utf8' }));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('numbers of the kernel interface', () => {
  it('are what this platform’s headers say', () => {
    const { '': _, ...actual } = platform();
    const all = { ...EXPECTED, ...NEWER, ...NEWER_STRUCT };
    const known = Object.fromEntries(Object.entries(all).filter(([name]) => name in actual));
    assert.deepEqual(actual, known);
    assert.ok(Object.keys(EXPECTED).every((name) => name in actual));
  });

  it('take what Node knows from Node', () => {
    assert.ok(
      ours.OPEN_FILE & fs.O_NOFOLLOW && ours.OPEN_FILE & fs.O_NONBLOCK && ours.OPEN_FILE & fs.O_NOCTTY,
    );
    assert.ok(ours.OPEN_DIRECTORY & fs.O_DIRECTORY && ours.OPEN_HOP & fs.O_NOFOLLOW);
    assert.equal(errno.ESTALE, os.errno.ESTALE);
  });
});
