import type { Request, RequestHandler } from 'express';
import { ProducerError } from '../../error.ts';
import { admit } from './caller.ts';
import type { Caller } from './role.ts';
import type { CallerDirectory } from './token-file.ts';

/** Whoever reaches a server without tokens is on this machine, and may do everything. */
const LOCAL: Caller = { name: 'local', role: 'operator' };

/** What people open in a browser, which asks them for a name and a password. A prompt must not come from any other place. */
const PAGES = ['/queues', '/v1/openapi.json'];

const isPage = ({ path }: Request) => PAGES.some((page) => path === page || path.startsWith(`${page}/`));

/** RFC 6750 and RFC 7617; schemes are compared without case. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i;
const BASIC = /^basic +([A-Za-z0-9+/]+=*) *$/i;

export interface AuthenticateOptions {
  tokens: CallerDirectory | undefined;
  /** Counts a caller who wasn't let in, and says when it's too much. */
  countFailure: RequestHandler;
}

/** Lets in who has a token: as Bearer everywhere, and for pages also as the password of Basic. */
export function authenticate({ tokens, countFailure }: AuthenticateOptions): RequestHandler {
  return async (req, res, next) => {
    const token = tokens && tokenOf(req);
    const look = async () => (tokens ? token && (await tokens.callerOf(token)) : LOCAL) || undefined;
    const caller = await look();
    if (caller) {
      admit(req, { caller, lookAgain: look });
      return next();
    }
    res.set('WWW-Authenticate', challengesFor(req));
    await countFailure(req, res, (error) => next(error ?? refusalOf(token)));
  };
}

function refusalOf(token: string | undefined): ProducerError {
  const message = token
    ? "This token isn't known: it's wrong, or was withdrawn."
    : 'This needs a token: send Authorization: Bearer TOKEN.';
  return new ProducerError('UNAUTHENTICATED', message);
}

function challengesFor(req: Request): string[] {
  const bearer = 'Bearer realm="longshore"';
  return isPage(req) ? ['Basic realm="longshore", charset="UTF-8"', bearer] : [bearer];
}

function tokenOf(req: Request): string | undefined {
  const header = req.get('authorization') ?? '';
  const bearer = BEARER.exec(header)?.[1];
  if (bearer || !isPage(req)) return bearer;
  const basic = BASIC.exec(header)?.[1];
  return basic && passwordOf(Buffer.from(basic, 'base64').toString());
}

/** The name before the colon doesn't matter: a token says whose it is. */
function passwordOf(credentials: string): string | undefined {
  const colon = credentials.indexOf(':');
  return colon === -1 ? undefined : credentials.slice(colon + 1) || undefined;
}
