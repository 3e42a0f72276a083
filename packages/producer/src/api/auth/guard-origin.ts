import type { Request, RequestHandler } from 'express';
import { ProducerError } from '../../error.ts';

/** RFC 9110, section 9.2.1. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Fetch Metadata: where a browser says that the request comes from. Other clients don't send it. */
const OWN_SITES: ReadonlySet<string | undefined> = new Set([undefined, 'same-origin', 'none']);

/**
 * Refuses what another site's page has a browser do: the browser adds a Basic password by itself, and an open server
 * takes anyone. It says where the page came from, though.
 */
export function guardOrigin({ publicUrl }: { publicUrl: string | undefined }): RequestHandler {
  const publicHost = publicUrl && URL.parse(publicUrl)?.host;
  return (req, _res, next) => {
    if (SAFE_METHODS.has(req.method) || isOwn(req, publicHost)) return next();
    throw new ProducerError('FOREIGN_ORIGIN', 'A page of another site sent this, and may not.');
  };
}

function isOwn(req: Request, publicHost: string | undefined): boolean {
  if (!OWN_SITES.has(req.get('sec-fetch-site'))) return false;
  const origin = req.get('origin');
  if (origin === undefined) return true;
  const url = URL.parse(origin);
  // A proxy may speak https for this server, so that schemes differ: hosts and ports have to be the same.
  return url !== null && (url.host === publicHost || url.host === hostOf(req, url.protocol));
}

/** The request's Host, without the port that its origin's scheme has anyway. */
function hostOf(req: Request, protocol: string): string | undefined {
  return URL.parse(`${protocol}//${req.get('host') ?? ''}`)?.host;
}
