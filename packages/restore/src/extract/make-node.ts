import { constants } from 'node:fs';
import type { IndexRow } from '@longshore/tape';
import { errno } from '@longshore/tape/posix';
import type { HeaderAttributes } from '../header/read-header.ts';
import { deviceNumber } from '../posix/device-number.ts';
import type { Target } from './target.ts';

const TYPE_BITS: Partial<Record<IndexRow['type'], number>> = {
  fifo: constants.S_IFIFO,
  character: constants.S_IFCHR,
  block: constants.S_IFBLK,
};

/** Nobody else's until its owner and mode are set. */
const PRIVATE = 0o600;

/**
 * Makes a symbolic link, FIFO or device; 0 or the errno negated. A device's numbers are in its header only: without
 * it there is nothing that could be made (EIO).
 */
export function makeNode(
  target: Target,
  path: Buffer,
  { row, attributes }: { row: IndexRow; attributes: HeaderAttributes | undefined },
): number {
  if (row.type === 'symlink') return row.link ? target.symlink(path, row.link) : -errno.EINVAL;
  const type = TYPE_BITS[row.type] ?? 0;
  if (row.type === 'fifo') return target.node(path, { mode: type | PRIVATE, device: 0n });
  if (!attributes) return -errno.EIO;
  const device = deviceNumber(attributes.deviceMajor, attributes.deviceMinor);
  return target.node(path, { mode: type | PRIVATE, device });
}
