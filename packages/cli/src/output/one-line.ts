/** A text in one line: a name from a volume, a call or a server may hold a line's end, or what a terminal obeys. */
export function oneLine(message: string): string {
  return message
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/\p{Control}|[\u2028\u2029]/gu, (found) => JSON.stringify(found).slice(1, -1))
    .replaceAll(/\p{Control}/gu, (found) => `\\u00${found.charCodeAt(0).toString(16)}`);
}
