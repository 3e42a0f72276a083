/**
 * CRC-32 (RFC 1952 section 8) of data whose pieces were seen apart: by several workers, in any order.
 *
 * A CRC is a polynomial over GF(2) modulo P. Appending n bytes multiplies it by x^(8n) and adds the CRC of
 * the new bytes, so that two CRCs and a length are enough to join them. This is the method of zlib's
 * crc32_combine (Mark Adler), in reflected bit order: the highest bit is x^0, the lowest x^31.
 *
 * Every CRC here is an unsigned 32-bit number. They are made by a library that multiplies without carries (PCLMULQDQ,
 * and its like on ARM): five times as fast as Node's zlib, and each byte of a volume is summed once.
 */
export { crc32 } from '@node-rs/crc32';

/** As manifests and the API have it: 8 hexadecimal digits. */
export const crc32Hex = (crc: number): string => crc.toString(16).padStart(8, '0');

/** P without its x^32 term, reflected. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bits = a; bits !== 0; bits <<= 1) {
    if (bits < 0) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product;
}

/** x^(2^k) for k from 0 to 31. P is primitive: x^(2^32) is x again, so the table continues from its start. */
const SQUARES = squaresOfX();

function squaresOfX(): Int32Array {
  const squares = new Int32Array(32);
  squares[0] = X;
  for (let k = 1; k < 32; k += 1) squares[k] = multiply(squares[k - 1], squares[k - 1]);
  return squares;
}

/** x^(8 × bytes) mod P. */
function shift(bytes: number): number {
  let power = ONE | 0;
  for (let k = 3, rest = bytes; rest > 0; k += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(SQUARES[k & 31], power);
  }
  return power;
}

/** The CRC of A followed by B, from the CRC of each and B's length in bytes (up to 2^53 − 1). */
export function crc32Combine(a: number, b: number, lengthB: number): number {
  return (multiply(shift(lengthB), a | 0) ^ b) >>> 0;
}

/** The CRC of the data that `crc` is of, followed by `length` zero bytes. */
export function crc32Zeros(crc: number, length: number): number {
  return ~multiply(shift(length), ~crc) >>> 0;
}
