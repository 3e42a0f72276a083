import { build } from 'rolldown';
import { root } from '../config.ts';

/**
 * Packages with compiled code that others look for and can do without. msgpackr's would be loaded by every process and
 * most threads, which takes longer than all that it speeds up there.
 */
const ABSENT = ['bufferutil', 'utf-8-validate', 'msgpackr-extract'];

/**
 * Writes the entries (names and source files) with all that they load, but for the packages `kept`, as modules in
 * `folder`: a start reads 15 files instead of 700. What several of them load is a module of its own.
 */
export async function bundle(
  entries: Record<string, string>,
  kept: readonly string[],
  folder: string,
): Promise<void> {
  await build({
    cwd: root,
    input: entries,
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    external: [...kept, ...ABSENT],
    output: {
      dir: folder,
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'modules/[name]-[hash].js',
    },
    // The queues' page searches its own files so; it's told instead.
    checks: { eval: false },
  });
}
