import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Body } from '@longshore/store';

/** Writes byte sources one after the other into a local file, and gives it as a body that can be uploaded. */
export async function concatenate(
  file: string,
  sources: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Body> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using handle = await open(file, 'w', 0o600);
  for await (const chunk of sources) {
    hash.update(chunk);
    bytes += chunk.length;
    await handle.appendFile(chunk);
  }
  return { bytes, file, offset: 0, sha256: hash.digest('hex') };
}
