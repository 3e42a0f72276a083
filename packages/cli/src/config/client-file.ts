import { z } from 'zod';
import { AbsolutePath } from './fields.ts';
import { check, parseText } from './read-yaml.ts';

const ClientFile = z.strictObject({
  server: z.string().min(1).optional(),
  /** A file and not the token itself: this one is made to be shown and shared. */
  tokenFile: AbsolutePath.optional(),
});

/** What a user's own `client.yaml` says: USAGE with every problem in it. */
export function parseClientFile(text: string, file: string): Promise<z.infer<typeof ClientFile>> {
  return check(ClientFile, parseText(text, file), file);
}
