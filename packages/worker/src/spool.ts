import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder for one attempt's intermediate files, removed with everything in it when the attempt ends. */
export class SpoolFolder implements AsyncDisposable {
  readonly path: string;

  static async make(spool: string): Promise<SpoolFolder> {
    return new SpoolFolder(await mkdtemp(join(spool, 'attempt-')));
  }

  constructor(path: string) {
    this.path = path;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
