import type { Link } from '@longshore/store';
import type { PublishedObject } from './send-object.ts';

/** A link to the object, signed now; undefined where the store has none, and this server gives the bytes itself. */
export function linkTo(
  { store, key }: PublishedObject,
  options: { method: 'GET' | 'HEAD'; expiresSeconds: number },
): Promise<Link | undefined> {
  return store.link(key, { ...options, filename: key.slice(key.lastIndexOf('/') + 1) });
}
