export type { OnPosition, TapePosition } from './archive/tape-position.ts';
export { RestoreError, type RestoreErrorCode } from './error.ts';
export {
  type Restored,
  type RestoreOptions,
  type RestoreTrouble,
  restoreArchive,
} from './extract/restore-archive.ts';
export {
  type DamagedPath,
  type Verification,
  type VerifyOptions,
  verifyArchive,
} from './verify/verify-archive.ts';
