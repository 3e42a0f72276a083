import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe('docs/manifest.schema.json', () => {
  it('is what scripts/manifest-schema.ts prints', async () => {
    const { stdout } = await execa(process.execPath, [fromRoot('scripts/manifest-schema.ts')]);
    const committed = await readFile(fromRoot('docs/manifest.schema.json'), 'utf8');
    assert.deepEqual(JSON.parse(committed), JSON.parse(stdout));
  });
});
