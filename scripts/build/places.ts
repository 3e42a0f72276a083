import { join } from 'node:path';
import { root } from '../config.ts';

/** Where the built program goes. */
export const DIST = join(root, 'dist');
