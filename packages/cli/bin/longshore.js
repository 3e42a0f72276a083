#!/usr/bin/env node
// The `longshore` command. Plain JavaScript, because a machine's own Node may be too old to read TypeScript
// or to have what Longshore builds on (node:sqlite, zstd): the exact Node comes with the package instead.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relay } from './relay.js';

const NEEDS_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) >= NEEDS_MAJOR) {
  await import('../src/main.ts');
} else {
  const bundled = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
  relay(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
