import { join } from 'node:path';
import { DIST } from '../scripts/build/places.ts';
import { buildProgram } from '../scripts/build/program.ts';

// What is measured is what the image has, made of what is in the checkout.
await buildProgram(DIST);

/** A word of a bash script that means this text. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** How a bash script calls the built `longshore`, on this Node. */
export const longshore = `${quoted(process.execPath)} ${quoted(join(DIST, 'longshore.js'))}`;
