import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The size of a file, or of all files below a folder. */
export function bytesOf(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
