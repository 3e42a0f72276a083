import manifest from '../package.json' with { type: 'json' };

/** Longshore's version, which is part of every order. */
export const VERSION: string = manifest.version;
