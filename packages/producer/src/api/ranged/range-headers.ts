import { z } from 'zod';

/** What a request for bytes may say of the part that it wants; `what` is the thing that has the ETag. */
export const rangeHeaders = (what: string) =>
  z.object({
    range: z
      .string()
      .optional()
      .meta({ description: 'One byte range; with several, or another unit, everything comes' }),
    'if-match': z
      .string()
      .optional()
      .meta({ description: `How to resume: the ETag of the ${what} that the first bytes are of` }),
    'if-none-match': z.string().optional(),
    'if-range': z
      .string()
      .optional()
      .meta({ description: 'As If-Match, but everything comes where it is another' }),
  });
