import { isUtf8 } from 'node:buffer';

/** How many paths a command lists for people; programs get them all. */
const LISTED = 20;

/** A path as a manifest has it: text where it is UTF-8, and Base64 otherwise. */
export function pathJson(path: Buffer): { path: string } | { pathBase64: string } {
  return isUtf8(path) ? { path: path.toString() } : { pathBase64: path.toString('base64') };
}

/** The first lines of a list, indented, and how many more there are. */
export function listed(lines: readonly string[]): string[] {
  const shown = lines.slice(0, LISTED).map((line) => `  ${line}`);
  const rest = lines.length - shown.length;
  return rest > 0 ? [...shown, `  and ${rest.toLocaleString('en')} more: --json lists them all`] : shown;
}
