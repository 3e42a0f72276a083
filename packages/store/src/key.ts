import { StoreError } from './error.ts';
import { PART_LIMITS } from './store.ts';

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** Where a directory store keeps what isn't an object yet; reserved in every store, so that all accept the same keys. */
export const RESERVED = ['.longshore/uploads', '.longshore/tmp'] as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for; XML 1.0, S3's language, can't carry them
const CONTROL = /[\x00-\x1f\x7f]/;

/** Rejects with REFUSED a key that some store couldn't hold: S3's own rules, and those of a path. */
export function checkKey(key: string): void {
  const complaint = complaintAbout(key, key.split('/'));
  if (complaint)
    throw new StoreError('REFUSED', `the key ${JSON.stringify(key)} can't be used: ${complaint}`);
}

/** As `checkKey`, for the beginning of a key, which may end anywhere; `''` is every key's beginning. */
export function checkPrefix(prefix: string): void {
  const whole = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const complaint = whole === '' ? undefined : complaintAbout(prefix, whole.slice(0, -1).split('/'));
  if (complaint)
    throw new StoreError('REFUSED', `the prefix ${JSON.stringify(prefix)} can't be used: ${complaint}`);
}

function complaintAbout(key: string, components: readonly string[]): string | undefined {
  if (components.includes('')) return 'it is empty, or has an empty part between slashes';
  if (components.some((component) => component === '.' || component === '..'))
    return 'it has a . or .. in it';
  if (CONTROL.test(key)) return 'it has a control character in it';
  if (!key.isWellFormed()) return "it isn't valid Unicode";
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
  return RESERVED.some((place) => key === place || key.startsWith(`${place}/`))
    ? 'its beginning is reserved for the store itself'
    : undefined;
}

/** Rejects with REFUSED a part number that S3 would not take. */
export function checkPartNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= PART_LIMITS.maxNumber) return;
  throw new StoreError(
    'REFUSED',
    `${number} can't be a part's number: they go from 1 to ${PART_LIMITS.maxNumber}`,
  );
}

/** Keys in S3's order: by their bytes in UTF-8 (which isn't the order of JavaScript's strings). */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
