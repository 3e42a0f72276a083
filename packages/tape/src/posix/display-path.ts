import { isUtf8 } from 'node:buffer';

// Anything that could forge a line or a colour in a log: C0, DEL, C1, and Unicode's line separators.
const UNSAFE = /[\p{Cc}\u2028\u2029]/u;

/** A path for a message: quoted, and where it isn't plain UTF-8 text, with bytes as `\xNN`. */
export function displayPath(path: Buffer): string {
  if (path.length === 0) return 'the root of the volume';
  if (isUtf8(path) && !UNSAFE.test(path.toString())) return JSON.stringify(path.toString());
  return `"${Array.from(path, escapeByte).join('')}"`;
}

function escapeByte(byte: number): string {
  if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
