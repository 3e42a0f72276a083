import { join } from 'node:path';
import { root } from '../scripts/config.ts';

/** A word of a bash script that means this text. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** How a bash script calls the checkout's `longshore`, on this Node. */
export const longshore = `${quoted(process.execPath)} ${quoted(join(root, 'packages/cli/bin/longshore.js'))}`;
