import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { CRD_FILE, crdText } from '../../scripts/crd/text.ts';

describe('the manifest of the custom resource', () => {
  it('is what the schema says: npm run crd writes it', async () => {
    assert.equal(await readFile(CRD_FILE, 'utf8'), crdText());
  });
});
