import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../config.ts';

/** Writes the built program's package.json, in which its parts find each other by their names in the source. */
export async function writeManifest(entries: Record<string, string>, folder: string): Promise<void> {
  const { version, license, engines } = JSON.parse(
    await readFile(join(root, 'packages/cli/package.json'), 'utf8'),
  );
  const imports = Object.fromEntries(Object.keys(entries).map((name) => [`#${name}`, `./${name}.js`]));
  const bin = { longshore: 'longshore.js' };
  const manifest = { name: 'longshore', version, license, type: 'module', engines, bin, imports };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
