const SLASH = 0x2f;

/**
 * Compares paths by when a walk comes to them: a directory before what's in it, names in bytewise order. That is
 * the paths' own bytewise order with the slash before every other byte. Negative where `a` comes first.
 */
export function compareInWalkOrder(a: Buffer, b: Buffer): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    if (a[at] === b[at]) continue;
    if (a[at] === SLASH) return -1;
    return b[at] === SLASH ? 1 : a[at] - b[at];
  }
  return a.length - b.length;
}
