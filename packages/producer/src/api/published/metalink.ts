export interface Download {
  name: string;
  bytes: number;
  url: string;
}

/** Their names are the entities' (XML 1.0, section 4.6). */
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** What XML 1.0 has no way to write (section 2.2). */
const NO_CHARACTERS = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const escaped = (text: string) =>
  text.replace(NO_CHARACTERS, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character]);

/**
 * A Metalink document (RFC 5854) of one file. It has no hashes: of those that the format knows the archive has none,
 * and CRC-32 isn't among them.
 */
export function metalinkOf({ name, bytes, url }: Download): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
  <file name="${escaped(name)}">
    <size>${bytes}</size>
    <url>${escaped(url)}</url>
  </file>
</metalink>
`;
}
