export { processMark, removeAbandoned } from './abandoned.ts';
export { inMemory } from './body.ts';
export { deletePrefix } from './delete-prefix.ts';
export { DirectoryStore } from './directory/directory-store.ts';
export type { StoreErrorCode } from './error.ts';
export { StoreError } from './error.ts';
export { deleteMarked, type MarkedFolder, putMarked } from './marked-folder.ts';
export { MemoryStore } from './memory.ts';
export type { StoreConfig } from './open.ts';
export { openStore } from './open.ts';
export { isUploadOpen } from './open-upload.ts';
export type { S3Settings } from './s3/connection.ts';
export type {
  Body,
  Link,
  LinkOptions,
  ObjectInfo,
  Part,
  PartDraft,
  RequestOptions,
  Store,
  Upload,
} from './store.ts';
export { PART_LIMITS } from './store.ts';
