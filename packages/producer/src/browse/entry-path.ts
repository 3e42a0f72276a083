import { isUtf8 } from 'node:buffer';
import { ProducerError } from '../error.ts';

/** A path as callers give it and get it: text, or Base64 where it isn't UTF-8. Relative to the volume's root. */
export interface NamedPath {
  path?: string;
  pathBase64?: string;
}

const MAX_SHOWN = 200;

/** As callers see it. */
export function nameOf(path: Buffer): NamedPath {
  return isUtf8(path) ? { path: path.toString() } : { pathBase64: path.toString('base64') };
}

/**
 * A caller's path in bytes; the root's is empty. BAD_REQUEST for one that no entry can have, so that nobody is in doubt
 * about what `..` or a leading `/` would mean: an entry is looked for by the names on its path, and nothing else.
 */
export function pathOf({ path = '', pathBase64 }: NamedPath): Buffer {
  if (pathBase64 !== undefined && path !== '')
    throw new ProducerError('BAD_REQUEST', 'Give path or pathBase64, not both.');
  const bytes = pathBase64 === undefined ? Buffer.from(path) : Buffer.from(pathBase64, 'base64');
  const fault = faultOf(bytes);
  if (fault === undefined) return bytes;
  throw new ProducerError('BAD_REQUEST', `The path ${shown(bytes)} ${fault}.`);
}

function faultOf(path: Buffer): string | undefined {
  if (path.length === 0) return undefined;
  if (path.includes(0)) return 'has a NUL in it';
  const names = path.toString('latin1').split('/');
  if (names.includes('')) return "must have no '/' at its ends, and no two together";
  if (names.includes('.') || names.includes('..')) return "must have no '.' or '..' in it";
  return undefined;
}

/** For messages: its beginning, with what isn't text escaped. */
export function shown(path: Buffer): string {
  return JSON.stringify(path.toString().slice(0, MAX_SHOWN));
}

/** As text for those formats and headers that have no bytes: what isn't UTF-8 becomes `%` and two digits. */
export function textOf(path: Buffer): string {
  if (isUtf8(path)) return path.toString();
  let text = '';
  for (let at = 0; at < path.length; ) {
    const bytes = characterAt(path, at);
    text +=
      bytes === 0
        ? `%${path.toString('hex', at, at + 1).toUpperCase()}`
        : path.toString('utf8', at, at + bytes);
    at += bytes || 1;
  }
  return text;
}

/** Bytes of the UTF-8 character that begins there; 0 where none does. */
function characterAt(path: Buffer, at: number): number {
  const lengths = [1, 2, 3, 4];
  return lengths.find((bytes) => at + bytes <= path.length && isUtf8(path.subarray(at, at + bytes))) ?? 0;
}
