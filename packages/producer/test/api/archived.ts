import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Format, Manifest, publishedKeys, resultOf } from '@longshore/shared';
import { DirectoryStore } from '@longshore/store';
import { randomBytes, randomText, seededRandom } from '../../../../test/fixtures/random-tree.ts';
import { Longshore } from '../../../../test/harness/longshore.ts';
import { type TempFolder, tempFolder } from '../../../../test/harness/temp.ts';

export const MANY = 450;

/** `é` in Latin-1: not UTF-8. */
export const LATIN1 = Buffer.from('caf\xe9', 'latin1');

const random = seededRandom(17);

/** Of several frames, and compressible in part. */
export const LARGE = Buffer.concat([randomBytes(random, 5e6), randomText(random, 6e6)]);

/** Names that mean something to a shell, a header, a zip, or another system. */
export const AWKWARD = [
  'quote"d; x',
  'new\nline',
  '漢字',
  'back\\slash',
  'C:drive',
  '%2e%2e',
  'a?b#c&d=e',
  '..\\..\\up',
];

/** A volume with what a browser of archives can stumble over. */
function makeVolume(root: string): void {
  mkdirSync(join(root, 'docs/deep'), { recursive: true });
  mkdirSync(join(root, 'many'));
  mkdirSync(join(root, 'names'));
  mkdirSync(join(root, 'links'));
  writeFileSync(join(root, 'docs/large'), LARGE, { mode: 0o640 });
  utimesSync(join(root, 'docs/large'), 1_000_000_000.25, 1_000_000_000.25);
  writeFileSync(join(root, 'docs/deep/empty'), '');
  writeFileSync(join(root, 'docs/deep/program'), '#!/bin/sh\n', { mode: 0o755 });
  for (let n = 0; n < MANY; n++)
    writeFileSync(join(root, `many/${String(n).padStart(4, '0')}`), `number ${n}\n`);
  for (const name of AWKWARD) writeFileSync(join(root, 'names', name), name);
  writeFileSync(Buffer.concat([Buffer.from(join(root, 'names/')), LATIN1]), 'coffee');
  linkSync(join(root, 'docs/large'), join(root, 'links/hard'));
  symlinkSync('/etc/passwd', join(root, 'links/outside'));
  symlinkSync('../../..', join(root, 'links/up'));
  symlinkSync('../docs', join(root, 'links/docs'));
  execFileSync('mkfifo', [join(root, 'links/pipe')]);
}

/** A real export of such a volume, in a folder. */
export class Archived implements AsyncDisposable {
  readonly volume: string;
  readonly folder: string;
  readonly format: Format;
  readonly temp: TempFolder;

  private constructor(temp: TempFolder, format: Format) {
    this.temp = temp;
    this.format = format;
    this.volume = join(temp.path, 'volume');
    this.folder = join(temp.path, 'archives');
  }

  static async make(format: Format): Promise<Archived> {
    const archived = new Archived(await tempFolder('archived'), format);
    makeVolume(archived.volume);
    const args = ['--to', archived.folder, '--name', 'data', '--format', format, '--workers', '1', '--json'];
    await using run = new Longshore(['export', archived.volume, ...args]);
    const { exitCode, stderr } = await run.finished;
    if (exitCode !== 0) throw new Error(`the export ended with ${exitCode}: ${stderr}`);
    return archived;
  }

  get keys() {
    return publishedKeys('data', this.format);
  }

  /** The path of what was published. */
  path(what: 'archive' | 'index' | 'manifest'): string {
    return join(this.folder, this.keys[what]);
  }

  async result() {
    return resultOf(Manifest.parse(JSON.parse(await readFile(this.path('manifest'), 'utf8'))));
  }

  openStore(): Promise<DirectoryStore> {
    return DirectoryStore.open(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.temp[Symbol.asyncDispose]();
  }
}
