import { once } from 'node:events';
import { linkSync, mkdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { itemRange } from '@longshore/tape';

/** Short names, small numbers and whole seconds: an entry's header is one block. */
export const HEADER = 512;
export const ITEM = itemRange(0).end;

const WHOLE_SECOND = new Date('2026-01-01T12:00:00Z');

/** A volume whose files are all hole: hundreds of MiB of tape for no disk and little time. */
export class SparseVolume implements AsyncDisposable {
  readonly path: string;
  #sockets: (() => void)[] = [];

  constructor(path: string) {
    this.path = path;
    mkdirSync(path);
    this.#settle('.');
  }

  file(name: string, size = 0): this {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    truncateSync(path, size);
    return this.#settle(name);
  }

  hardLink(name: string, first: string): this {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    linkSync(join(this.path, first), join(this.path, name));
    return this.#settle(name);
  }

  /** Stays until the volume is disposed of. */
  async socket(name: string): Promise<this> {
    const server = createServer().listen(join(this.path, name)).unref();
    await once(server, 'listening');
    this.#sockets.push(() => server.close());
    return this.#settle(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#sockets) close();
  }

  /** Times without a fraction, for what was made and for the directories that it changed. */
  #settle(name: string): this {
    for (let path = name; ; path = dirname(path)) {
      utimesSync(join(this.path, path), WHOLE_SECOND, WHOLE_SECOND);
      if (path === '.') return this;
    }
  }
}
