import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { root } from '../scripts/config.ts';
import { page } from './page.ts';
import type { Results } from './results.ts';

/**
 * Puts results in the place of earlier ones of the same kind, and leaves the others, in `benchmarks.json` and
 * `benchmarks.md` of a folder.
 */
export async function publish(results: Partial<Results>, folder: string): Promise<void> {
  const [json, text] = [join(folder, 'benchmarks.json'), join(folder, 'benchmarks.md')];
  const earlier = await published(json);
  const merged = { ...earlier, ...results, corpora: { ...earlier.corpora, ...results.corpora } };
  await writeFile(json, await formatted('benchmarks.json', JSON.stringify(merged)));
  await writeFile(text, await formatted('benchmarks.md', page(merged)));
}

/** As lint wants documents to be; by its name alone, as the folder may be any. */
async function formatted(name: string, input: string): Promise<string> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'format', `--stdin-file-path=${name}`];
  const { stdout } = await execa(process.execPath, args, { cwd: root, input, stripFinalNewline: false });
  return stdout;
}

async function published(file: string): Promise<Results> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const { corpora = {}, coordination, planning, slowVolume } = JSON.parse(text) as Partial<Results>;
  return {
    corpora,
    ...(coordination && { coordination }),
    ...(planning && { planning }),
    ...(slowVolume && { slowVolume }),
  };
}
