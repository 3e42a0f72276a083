import { build } from 'rolldown';
import { root } from '../config.ts';
import { packageFolder } from './package-folder.ts';

/** Packages with compiled code that WebSocket's library looks for and can do without. */
const ABSENT = ['bufferutil', 'utf-8-validate'];

/** msgpackr's own compiled code, which each process and most threads would load for strings that hardly any decodes. */
const WITHOUT_EXTRACTOR = { 'process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED': '"true"' };

/**
 * Writes the entries (names and source files) with all that they load, but for the packages `kept`, as modules in
 * `folder`: a start reads 40 files instead of 700. What several of them load is a module of its own. Returns the folders
 * of the packages that are in them.
 */
export async function bundle(
  entries: Record<string, string>,
  kept: readonly string[],
  folder: string,
): Promise<string[]> {
  const { output } = await build({
    cwd: root,
    input: entries,
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    transform: { define: WITHOUT_EXTRACTOR },
    // The image's build doesn't have it, and is to be the same.
    tsconfig: false,
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
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  return modules.map(packageFolder).filter((found) => found !== undefined);
}
