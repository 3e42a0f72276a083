import { type FileHandle, open } from 'node:fs/promises';
import { StoreError } from '../error.ts';
import { statFile } from './identity.ts';
import { libc } from './libc.ts';
import { noSuchUpload, type UploadFolder, uploadRecordPath } from './upload-folder.ts';

/**
 * Keeps other processes from completing the same upload until the handle is closed, or this process dies: a
 * second one, still copying, would touch the object after it was published. A file system without locks has to
 * do without. Rejects with UNAVAILABLE where another process has the lock.
 */
export async function lockUpload(folder: UploadFolder): Promise<FileHandle> {
  const handle = await open(uploadRecordPath(folder), 'r+');
  const outcome = libc.lock?.(handle.fd);
  const [locked, there] = await Promise.all([
    handle.stat({ bigint: true }),
    statFile(uploadRecordPath(folder)),
  ]);
  if (outcome !== 'taken' && locked.ino === there?.ino) return handle;
  await handle.close();
  if (outcome !== 'taken') throw noSuchUpload(folder);
  throw new StoreError(
    'UNAVAILABLE',
    `another process is completing the upload of "${folder.upload.key}"; try again later`,
  );
}
