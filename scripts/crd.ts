// `npm run crd`: writes k8s/base/crd.yaml from the schema of VolumeExport. A test compares it.
import { writeFile } from 'node:fs/promises';
import { CRD_FILE, crdText } from './crd/text.ts';

await writeFile(CRD_FILE, crdText());
