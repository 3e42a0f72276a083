import { readFile } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { z } from 'zod';

/** A secret is a line; whoever names a larger file means another. */
const MAX_SECRET_BYTES = 64 * 2 ** 10;

export const AbsolutePath = z
  .string()
  .refine((path) => isAbsolute(path) && !path.includes('\0'), 'must be an absolute path')
  .transform((path) => normalize(path).replace(/(?<=.)\/$/, ''));

/** A file's path, which becomes the file's content. */
export const FileContent = AbsolutePath.transform(async (path, context) => {
  try {
    const content = await readFile(path);
    if (content.length > 0 && content.length <= MAX_SECRET_BYTES) return content.toString();
    context.addIssue(
      content.length === 0
        ? `names a file that is empty: ${path}`
        : `names a file that is too large: ${path}`,
    );
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    context.addIssue(`names a file that can't be read (${code}): ${path}`);
  }
  return z.NEVER;
});

/** A file's path, which becomes its one line: without the line end that editors and `echo` add. */
export const SecretFile = FileContent.transform((content, context) => {
  const secret = content.replace(/\r?\n$/, '');
  if (secret !== '' && !/[\r\n]/.test(secret)) return secret;
  context.addIssue('must name a file with one line in it');
  return z.NEVER;
});

const NO_DURATION = 'must be a duration, such as 30m, 24h or 7d';
const DURATION = /^(?<number>\d{1,6})(?<unit>s|m|h|d)$/;
const MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `24h`, `7d`, or 0, which becomes ms. */
export const Duration = z.union([z.literal(0), z.string()], NO_DURATION).transform((value, context) => {
  const { number, unit } = DURATION.exec(String(value))?.groups ?? {};
  if (unit !== undefined) return Number(number) * MS[unit];
  if (String(value) === '0') return 0;
  context.addIssue(NO_DURATION);
  return z.NEVER;
});

export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  host: string;
  port: number;
}

const HOST_PORT = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/;

export const HostAndPort = z.string().transform((text, context): HostPort => {
  const { v6, host = v6, port } = HOST_PORT.exec(text)?.groups ?? {};
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  context.addIssue('must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080');
  return z.NEVER;
});

/** Reads a setting that may be given by its most important part alone. */
export function orJust<T extends z.ZodType>(key: string, schema: T) {
  return z.preprocess((value) => (typeof value === 'string' ? { [key]: value } : value), schema);
}
