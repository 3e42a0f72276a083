#!/usr/bin/env node
// The `longshore` command. Plain JavaScript, because a machine's own Node may be too old to read TypeScript
// or to have what Longshore builds on (node:sqlite, zstd): the exact Node comes with the package instead.
import module, { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relay } from './relay.js';

const NEEDS_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) >= NEEDS_MAJOR) {
  // Compiling takes most of a start. The variable carries the cache on to worker processes and threads.
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'longshore', 'compile-cache');
  process.env.NODE_COMPILE_CACHE ??= cache;
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  if (!module.getCompileCacheDir?.()) {
    // The one of the image is for its user and for root alone.
    process.env.NODE_COMPILE_CACHE = cache;
    module.enableCompileCache?.(cache);
  }
  await import('../src/main.ts');
} else {
  const exact = exactNode();
  if (exact) relay(exact, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
  else {
    console.error(`longshore needs Node ${NEEDS_MAJOR} or later; this is ${process.version}.`);
    process.exitCode = 1;
  }
}

/** The one that comes with the package; what is built has none. */
function exactNode() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
  } catch {
    return undefined;
  }
}
