import { basename, dirname } from 'node:path';
import { FORMATS, type Format } from '@longshore/shared';
import { RestoreError } from '../error.ts';

/** An archive's place and name, told from its path or URI. */
export interface Location {
  /** A directory, or `s3://bucket/prefix`. */
  place: string;
  /** Without the format. */
  name: string;
  format: Format;
}

/** Reads `/dir/NAME.tar.zst` or `s3://bucket/prefix/NAME.tar.zst`. Throws NO_ARCHIVE for what can't be an archive's name. */
export function locate(archive: string): Location {
  const format = FORMATS.find((candidate) => basename(archive).endsWith(`.${candidate}`));
  const name = format && basename(archive).slice(0, -format.length - 1);
  if (!format || !name) {
    const message = `${JSON.stringify(archive)} is no archive's name: give one that ends in .${FORMATS.join(', .')}.`;
    throw new RestoreError('NO_ARCHIVE', message);
  }
  return { place: placeOf(archive), name, format };
}

/** `dirname` would take a slash from `s3://`. */
function placeOf(archive: string): string {
  return archive.includes('://') ? archive.slice(0, archive.lastIndexOf('/')) : dirname(archive);
}
