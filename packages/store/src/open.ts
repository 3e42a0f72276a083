import { fileURLToPath } from 'node:url';
import { DirectoryStore } from './directory/directory-store.ts';
import { StoreError } from './error.ts';
import { RetryingStore } from './retrying-store.ts';
import type { S3Settings } from './s3/connection.ts';
import type { Store } from './store.ts';

export interface StoreConfig {
  /** For `s3://` addresses; what isn't given is found as the AWS SDK finds it. */
  s3?: S3Settings;
}

/**
 * Opens `s3://bucket/prefix` or a directory (`/srv/archives`, `archives`, `file:///srv/archives`), which is
 * made where its parent exists. Its calls are repeated when they fail in a way that passes. Rejects with
 * BAD_DESTINATION when the address makes no sense; only `probe` finds out whether an S3 server answers.
 */
export async function openStore(uri: string, config: StoreConfig = {}): Promise<Store> {
  if (uri.startsWith('s3://')) {
    // Loaded where it's needed: the AWS SDK takes longer to load than everything else of this package.
    const { S3Store } = await import('./s3/s3-store.ts');
    return new RetryingStore(await S3Store.open(uri, config.s3));
  }
  return new RetryingStore(await DirectoryStore.open(pathOf(uri)));
}

function pathOf(uri: string): string {
  if (uri.startsWith('file://')) return pathOfFileUrl(uri);
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*(?=:\/\/)/.exec(uri)?.[0];
  if (scheme === undefined && uri !== '') return uri;
  const reason = scheme === undefined ? 'it is empty' : `${scheme}:// isn't supported`;
  throw new StoreError(
    'BAD_DESTINATION',
    `the destination can't be used: ${reason}; give s3://BUCKET/PREFIX or a directory`,
  );
}

function pathOfFileUrl(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new StoreError(
      'BAD_DESTINATION',
      `${JSON.stringify(uri)} isn't a file URL; give the directory's path`,
      { cause },
    );
  }
}
