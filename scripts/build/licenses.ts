import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../config.ts';

/**
 * Writes our LICENSE, and LICENSES.txt with what the packages in these folders ask to be passed on: each one's name, the
 * licence that its manifest names, and its licence and notice files.
 */
export async function writeLicenses(folders: readonly string[], target: string): Promise<void> {
  const texts = await Promise.all([...new Set(folders)].sort().map(licenseOf));
  await writeFile(join(target, 'LICENSES.txt'), texts.join(`\n${'='.repeat(80)}\n\n`));
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
}

async function licenseOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => /^(licen[sc]e|copying|notice)/i.test(file));
  const texts = files.sort().map((file) => readFile(join(folder, file), 'utf8'));
  return [`${name} ${version}: ${JSON.stringify(license)}\n`, ...(await Promise.all(texts))].join('\n');
}
