import { StoreError } from './error.ts';

/** Signature Version 4's limit on a link's life, in seconds (S3 user guide, "Sharing objects with presigned URLs"). */
const MAX_EXPIRY_SECONDS = 604_800;

/** Rejects with REFUSED an expiry that S3 would not take; every store does, so that all take the same ones. */
export function checkLinkExpiry({ expiresSeconds }: { expiresSeconds: number }): void {
  if (Number.isInteger(expiresSeconds) && expiresSeconds >= 1 && expiresSeconds <= MAX_EXPIRY_SECONDS) return;
  throw new StoreError(
    'REFUSED',
    `a link can't last ${expiresSeconds} seconds: it takes a whole number of them from 1 to ${MAX_EXPIRY_SECONDS}`,
  );
}
