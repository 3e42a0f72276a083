import { isLongshoreError } from '@longshore/shared';

/** What the commands exit with; scripts depend on these. */
export const EXIT = {
  complete: 0,
  failed: 1,
  usage: 2,
  /** Complete, but files had changed, vanished or couldn't be read: the manifest lists them. */
  drifted: 3,
  /** Of a worker in a pod, whose Job fails by it: the configuration can't be used. */
  configuration: 42,
  interrupted: 130,
  terminated: 143,
} as const;

/**
 * Errors that stay until the call or the configuration is another. Every other one is a failure: it may pass (a
 * store that doesn't answer, a disk that is full), or it came when the export had begun.
 */
const USAGE_CODES = new Set([
  'USAGE',
  'NOT_IN_CLUSTER',
  'MISSING_PROGRAM',
  'BAD_TEMP',
  'REDIS_REFUSED',
  'BAD_REQUEST',
  'BAD_EXCLUDE',
  'BAD_DESTINATION',
  'BAD_CREDENTIALS',
  'ACCESS_DENIED',
  'NO_SUCH_BUCKET',
  'REFUSED',
  'VOLUME_MISSING',
  'ARCHIVE_EXISTS',
  'NO_ARCHIVE',
  'BAD_TARGET',
  'AUTH_REQUIRED',
  'BAD_TOKEN_FILE',
  'CANNOT_LISTEN',
  'SERVER_UNTRUSTED',
  'NOT_A_SERVER',
  'TOKEN_REFUSED',
  'REQUEST_REFUSED',
  'TARGET_EXISTS',
  'BAD_TARGET',
]);

export function exitCodeOf(error: unknown): number {
  if (!isLongshoreError(error)) return EXIT.failed;
  if (error.code === 'INTERRUPTED') return EXIT.interrupted;
  if (error.code === 'BAD_POD') return EXIT.configuration;
  return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
}
