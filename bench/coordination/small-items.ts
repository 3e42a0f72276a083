// Loaded ahead of `longshore` (`--import`), in every process and thread of it: makes items as small as they can be, so
// that a volume which fits a disk has as many of them as an archive can have parts.
import { registerHooks } from 'node:module';

const STEPS = new URL('../../packages/tape/src/item-steps.ts', import.meta.url).href;
const SMALL_STEPS = new URL('./small-item-steps.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url === STEPS ? { ...found, url: SMALL_STEPS } : found;
  },
});
