import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root } from '../config.ts';

/**
 * What Longshore starts as processes and threads: source files by the names that the packages' manifests have for them
 * under `imports`, without the `#`.
 */
export async function findEntries(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const manifest of glob('packages/*/package.json', { cwd: root })) {
    const { imports = {} } = JSON.parse(await readFile(join(root, manifest), 'utf8'));
    for (const [name, file] of Object.entries<string>(imports)) {
      if (name.slice(1) in found) throw new Error(`Two packages name a program ${name}: rename one of them.`);
      found[name.slice(1)] = join(root, dirname(manifest), file);
    }
  }
  return found;
}
