/** Paths as an index has them: bytes, relative to the volume's root, without a leading `./`. */

const SLASH = 0x2f;
const SEPARATOR = Buffer.of(SLASH);

/** Names that a directory can hold: no path, no way out, no byte that ends a C string. */
export function isName(name: Buffer): boolean {
  const isDots = name.equals(Buffer.from('.')) || name.equals(Buffer.from('..'));
  return name.length > 0 && !isDots && !name.includes(SLASH) && !name.includes(0);
}

/** The path of an entry of a directory; the root's is empty. */
export function joined(directory: Buffer, name: Buffer): Buffer {
  return directory.length === 0 ? name : Buffer.concat([directory, SEPARATOR, name]);
}

/** The names that a path is made of. */
export function componentsOf(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let at = 0; at < path.length; ) {
    const slash = path.indexOf(SLASH, at);
    const end = slash === -1 ? path.length : slash;
    names.push(path.subarray(at, end));
    at = end + 1;
  }
  return names;
}
