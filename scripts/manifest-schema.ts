/** Prints the JSON Schema of a manifest. `node scripts/manifest-schema.ts > docs/manifest.schema.json`, then format. */
import { Manifest } from '@longshore/shared';
import { z } from 'zod';

// The input side: a reader of version 1 accepts keys that a later release adds.
const schema = z.toJSONSchema(Manifest, { io: 'input' });
console.log(JSON.stringify({ title: 'Longshore export manifest', ...schema }, null, 2));
