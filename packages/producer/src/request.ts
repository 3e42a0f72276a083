import { basename } from 'node:path';
import { type Consistency, type Format, LEVELS, type OnChange, publishedKeys } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { compileExcludes } from '@longshore/tape';
import { ProducerError } from './error.ts';

/** What a caller asks for; volume and destination by the names that an operator gave them. */
export interface ExportRequest {
  volume: string;
  destination: string;
  name: string;
  format: Format;
  level: number;
  exclude: string[];
  onChange: OnChange;
  /** Pods of its own; absent where exports share a pool. */
  workers?: number;
  /** In a cluster: what is read, and of which class a snapshot is. */
  consistency?: Consistency;
  snapshotClass?: string;
}

/** `NAME.manifest.json` has to fit a file name of 255 bytes, with room for what stores add to temporary ones. */
const MAX_NAME_BYTES = 200;

function bad(message: string): ProducerError {
  return new ProducerError('BAD_REQUEST', message);
}

function checkName(name: string): void {
  const shown = JSON.stringify(name);
  if (name === '' || name === '.' || name === '..')
    throw bad(`${shown} can't be an archive's name; choose another.`);
  if (name.startsWith('.longshore'))
    throw bad(`The name ${shown} is taken by Longshore's work area; choose another.`);
  if (name.includes('/'))
    throw bad(`The name ${shown} contains a slash; a folder belongs into the destination.`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name))
    throw bad(`The name ${shown} contains a control character; remove it.`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw bad(`The name ${shown} is longer than ${MAX_NAME_BYTES} bytes; shorten it.`);
  }
}

function checkLevel(format: Format, level: number): void {
  const { min, max } = LEVELS[format];
  if (Number.isInteger(level) && level >= min && level <= max) return;
  const range = min === max ? `no level but ${min}` : `levels ${min} to ${max}`;
  throw bad(`Level ${level} is out of range: ${format} takes ${range}.`);
}

/** Refuses, before anything is done, a request that can't be carried out: BAD_REQUEST, BAD_EXCLUDE. */
export function checkRequest(request: ExportRequest): void {
  checkName(request.name);
  checkLevel(request.format, request.level);
  compileExcludes(request.exclude);
}

/** Refuses a destination that can't be written (the store's own error) or that holds the name already: ARCHIVE_EXISTS. */
export async function checkDestination(
  request: ExportRequest,
  { store, signal }: { store: Store; signal: AbortSignal },
): Promise<void> {
  await store.probe({ signal });
  for (const key of Object.values(publishedKeys(request.name, request.format))) {
    if (!(await store.head(key, { signal }))) continue;
    throw new ProducerError(
      'ARCHIVE_EXISTS',
      `${store.uri} already holds ${key}, which is never overwritten: choose another --name, or delete it.`,
    );
  }
}

/** An archive's name where none is given: the volume's (base) name and the time, `data-20261122T170000Z`. */
export function defaultName(volume: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${basename(volume) || 'root'}-${stamp}`;
}
