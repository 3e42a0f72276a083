import { isUtf8 } from 'node:buffer';

/** What a terminal would obey, or what would make a name look like another: controls, line ends, invisible marks. */
const UNSEEN = /[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}]/gu;

/**
 * A name from an archive as one line that does nothing to a terminal, and that no other name is shown as: `\xHH` is a
 * byte that isn't UTF-8, `\u{H}` a character that can't be seen, `\\` a backslash.
 */
export function shownName(bytes: Buffer): string {
  if (isUtf8(bytes)) return escaped(bytes.toString());
  let shown = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    shown +=
      length === 0
        ? `\\x${bytes.toString('hex', at, at + 1)}`
        : escaped(bytes.toString('utf8', at, at + length));
    at += length || 1;
  }
  return shown;
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll(UNSEEN, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
}

/** Bytes of the UTF-8 character that begins there; 0 where none does. */
function characterAt(bytes: Buffer, at: number): number {
  const lengths = [1, 2, 3, 4];
  return (
    lengths.find((length) => at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length))) ?? 0
  );
}
