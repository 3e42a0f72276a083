import { delimiter, join } from 'node:path';
import { DIST } from '../scripts/build/places.ts';
import { buildProgram } from '../scripts/build/program.ts';
import { childEnvironment } from '../scripts/config.ts';

/**
 * Builds `longshore` of what is in the checkout, as the image has it; scripts with the environment that this gives call
 * it by its name. Those without call the checkout's source.
 */
export async function builtLongshore(): Promise<{ PATH: string }> {
  await buildProgram(DIST);
  return { PATH: [join(DIST, 'bin'), childEnvironment.PATH].join(delimiter) };
}
