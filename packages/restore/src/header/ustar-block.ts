import { BLOCK_BYTES, type Field, USTAR } from '@longshore/tape';

const SPACE = 0x20;

/** A number in octal digits or in base 256 (docs/archive-format.md); undefined for anything else, or a negative one. */
export function numberIn(block: Buffer, { at, bytes }: Field): number | undefined {
  const field = block.subarray(at, at + bytes);
  if (field[0] === 0x80) return field.subarray(1).reduce((number, byte) => number * 256 + byte, 0);
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** Whether 512 bytes are a ustar header whose checksum is right: the sum of all bytes, its own as spaces. */
export function isHeader(block: Buffer): boolean {
  if (block.length !== BLOCK_BYTES) return false;
  const { at, bytes } = USTAR.checksum;
  const sum = sumOf(block, 0, at) + SPACE * bytes + sumOf(block, at + bytes, BLOCK_BYTES);
  return numberIn(block, USTAR.checksum) === sum;
}

function sumOf(block: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 1) sum += block[at];
  return sum;
}
