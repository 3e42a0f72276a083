import { constants } from 'node:fs';
import { EMPTY } from './c-string.ts';
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_STATX_FORCE_SYNC,
  AT_SYMLINK_NOFOLLOW,
  STATX,
  STATX_BASIC_STATS,
  STATX_BYTES,
  STATX_MNT_ID,
  STATX_NSEC,
} from './constants.ts';
import { result, statx } from './libc.ts';

/** What `statx` says. Times as in `Entry`; `mode` is the whole `st_mode`. */
export interface Stat {
  mode: number;
  links: number;
  uid: number;
  gid: number;
  inode: bigint;
  /** Exact up to 2^53 − 1; above that it's rounded, but never to less than 2^53. */
  size: number;
  /** 512 bytes each. */
  blocks: number;
  mtime: number;
  mtimeNsec: number;
  ctime: number;
  ctimeNsec: number;
  /** What a device node stands for. */
  rdevMajor: number;
  rdevMinor: number;
  /** The file system's own device. */
  devMajor: number;
  devMinor: number;
  /** As this process sees its mounts; UNKNOWN_MOUNT before Linux 5.8. */
  mountId: number;
}

export const UNKNOWN_MOUNT = -1;

const MASK = STATX_BASIC_STATS | STATX_MNT_ID;
const NAMED = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;

const buffer = Buffer.alloc(STATX_BYTES);
const view = new DataView(buffer.buffer, buffer.byteOffset, STATX_BYTES);

/**
 * Looks `name` (NUL-terminated) up in a directory, without following it if it's a symbolic link. 0, or the
 * errno negated; then `lastStat`, `lastMode` and their like read what was found, until the next look-up. One
 * buffer for all: a walk of 100 million files makes no garbage here.
 */
export function statAt(directory: number, name: Uint8Array): number {
  return result(statx(directory, name, NAMED, MASK, buffer));
}

/** Like `statAt`, but for an open descriptor. */
export function statDescriptor(fd: number): number {
  return result(statx(fd, EMPTY, AT_EMPTY_PATH, MASK, buffer));
}

/** Like `statDescriptor`, but a network file system asks its server: a root that's gone is ESTALE. */
export function statAfresh(fd: number): number {
  return result(statx(fd, EMPTY, AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, MASK, buffer));
}

/** Like `statAt` for a path as the operator wrote it, symbolic links followed. */
export function statFollowing(directory: number, path: Uint8Array): number {
  return result(statx(directory, path, 0, MASK, buffer));
}

export function lastMode(): number {
  return view.getUint16(STATX.mode, true);
}

export function lastMountId(): number {
  const known = (view.getUint32(STATX.mask, true) & STATX_MNT_ID) !== 0;
  return known ? unsigned64(STATX.mountId) : UNKNOWN_MOUNT;
}

export function lastStat(): Stat {
  return {
    mode: lastMode(),
    links: view.getUint32(STATX.nlink, true),
    uid: view.getUint32(STATX.uid, true),
    gid: view.getUint32(STATX.gid, true),
    inode: view.getBigUint64(STATX.ino, true),
    size: unsigned64(STATX.size),
    blocks: unsigned64(STATX.blocks),
    mtime: signed64(STATX.mtime),
    mtimeNsec: view.getUint32(STATX.mtime + STATX_NSEC, true),
    ctime: signed64(STATX.ctime),
    ctimeNsec: view.getUint32(STATX.ctime + STATX_NSEC, true),
    rdevMajor: view.getUint32(STATX.rdevMajor, true),
    rdevMinor: view.getUint32(STATX.rdevMinor, true),
    devMajor: view.getUint32(STATX.devMajor, true),
    devMinor: view.getUint32(STATX.devMinor, true),
    mountId: lastMountId(),
  };
}

export function isRegular(mode: number): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFREG;
}

export function isDirectory(mode: number): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFDIR;
}

function unsigned64(offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

function signed64(offset: number): number {
  return view.getInt32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}
