import { StoreError } from './error.ts';
import { type ObjectInfo, PART_LIMITS, type Part, type Upload } from './store.ts';

/**
 * Applies S3's rules to the list that a completion names: at least one part, in ascending order, each one
 * held with this very ETag, none but the last below 5 MiB. `held` is what the store has.
 */
export function checkPartList(upload: Upload, parts: readonly Part[], held: ReadonlyMap<number, Part>): void {
  if (parts.length === 0) throw new StoreError('REFUSED', `can't make "${upload.key}" of no parts`);
  for (const [index, part] of parts.entries()) {
    if (index > 0 && part.number <= parts[index - 1].number) throw outOfOrder(upload, part);
    checkHeld(upload, part, held.get(part.number));
  }
  const small = parts.slice(0, -1).find((part) => held.get(part.number)!.bytes < PART_LIMITS.minBytes);
  if (small) throw tooSmall(upload, small);
}

function checkHeld(upload: Upload, part: Part, held: Part | undefined): void {
  if (held?.etag === part.etag) return;
  const found = held ? `has ETag ${held.etag} instead of ${part.etag}` : "isn't there";
  throw new StoreError('PART_MISMATCH', `can't complete "${upload.key}": part ${part.number} ${found}`);
}

function outOfOrder(upload: Upload, { number }: Part): StoreError {
  return new StoreError('PART_MISMATCH', `can't complete "${upload.key}": part ${number} is out of order`);
}

function tooSmall(upload: Upload, { number, bytes }: Part): StoreError {
  const message = `can't complete "${upload.key}": part ${number} has ${bytes} bytes, and only the last may have less than 5 MiB`;
  return new StoreError('PART_TOO_SMALL', message);
}

export function totalBytes(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.bytes, 0);
}

/**
 * Whether `object` can be what completing these parts made: as long as they are, and, where its ETag has S3's
 * multipart form `HEX-N`, made of as many parts.
 */
export function isMadeOf(object: ObjectInfo, parts: readonly Part[]): boolean {
  const count = /^[0-9a-f]{32}-(\d+)$/.exec(object.etag)?.[1];
  return object.bytes === totalBytes(parts) && (count === undefined || Number(count) === parts.length);
}
