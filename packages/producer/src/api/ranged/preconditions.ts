/** RFC 9110, section 8.8.3: `W/` marks a weak one; quotes are part of it. */
const ENTITY_TAG = /(W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

interface Preconditions {
  'if-match'?: string;
  'if-none-match'?: string;
  'if-range'?: string;
}

export type Verdict = 'go on' | 'not modified' | 'failed';

/**
 * What the conditions of a GET or HEAD say (RFC 9110, section 13.2.2), for an object that there is. Its ETag is
 * strong; there is no Last-Modified, so conditions on dates don't count.
 */
export function weigh(conditions: Preconditions, etag: string): Verdict {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = conditions;
  // If-Match compares strongly, so a weak tag never matches; If-None-Match compares weakly.
  if (ifMatch !== undefined && !isAmong(tagsOf(ifMatch), etag)) return 'failed';
  if (ifNoneMatch !== undefined && isAmong(tagsOf(ifNoneMatch).map(strong), etag)) return 'not modified';
  return 'go on';
}

/** Whether a range may be sent: an If-Range with another tag, or with a date, asks for everything instead. */
export function rangeApplies({ 'if-range': ifRange }: Preconditions, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}

/** The ETags, without quotes, of an archive that the caller has a part of already, as it says. */
export function resumedFrom({ 'if-match': ifMatch = '', 'if-range': ifRange = '' }: Preconditions): string[] {
  const tags = [...tagsOf(ifMatch), ...tagsOf(ifRange)];
  return tags.filter((tag) => tag.startsWith('"')).map((tag) => tag.slice(1, -1));
}

const ANY = '*';

function tagsOf(list: string): string[] {
  return list.trim() === ANY ? [ANY] : Array.from(list.matchAll(ENTITY_TAG), ([tag]) => tag);
}

const strong = (tag: string) => tag.replace(/^W\//, '');

const isAmong = (tags: readonly string[], etag: string) => tags.includes(ANY) || tags.includes(etag);
