import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { networkFault, shown } from '../client/faults.ts';
import { CliError } from '../error.ts';
import { type Address, archiveChanged } from './archive-link.ts';

/** A connection on which nothing comes for so long is dead. */
const SILENCE_MS = 40_000;

export interface ByteRange {
  start: number;
  /** Exclusive. */
  end: number;
}

/** What a range is of. */
export interface Whole {
  /** Of the export. */
  id: string;
  bytes: number;
  etag: string;
}

/** A link isn't taken: it has ended, or its signer's rights have. */
export class Refused extends Error {}

/** What an answer's status means that isn't 206; every other one is the end. */
const MEANINGS: readonly { statuses: readonly number[]; means: 'changed' | 'refused' | 'passing' }[] = [
  // The ETag is another one; there are fewer bytes than there were.
  { statuses: [412, 416], means: 'changed' },
  // S3 says 403 of a link that has ended, and 400 where the credentials that signed it have.
  { statuses: [400, 401, 403, 404, 410], means: 'refused' },
  { statuses: [408, 425, 429], means: 'passing' },
];

/**
 * Asks for a range of the archive; the answer's head is checked, its body is still to be read. Rejects with Refused,
 * and with CliError: SERVER_UNREACHABLE and SERVER_FAILED pass, others don't. Redirections aren't followed: the
 * headers are for this address.
 */
export async function openRange(
  address: Address,
  { range, whole, signal }: { range: ByteRange; whole: Whole; signal: AbortSignal },
): Promise<IncomingMessage> {
  const response = await send(address, { range, etag: whole.etag, signal }).catch((cause: unknown) => {
    throw signal.aborted ? signal.reason : networkFault(originOf(address), cause);
  });
  const fault = faultOf(response, { address, range, whole });
  if (!fault) return response;
  response.destroy();
  throw fault;
}

/** Without the rest: a signed link opens the archive to whoever sees it. */
function originOf({ url }: Address): URL {
  return new URL(url.origin);
}

/** By `node:http`: `fetch` takes twice the processor time for the same bytes. */
function send(
  { url, headers }: Address,
  { range, etag, signal }: { range: ByteRange; etag: string; signal: AbortSignal },
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    signal,
    timeout: SILENCE_MS,
    headers: {
      ...headers,
      range: `bytes=${range.start}-${range.end - 1}`,
      'accept-encoding': 'identity',
      ...(etag && { 'if-match': `"${etag}"` }),
    },
  });
  // Destroyed by its request, a response loses what it holds without a word.
  let open: { destroy: (error: Error) => void } = request;
  request.once('timeout', () => open.destroy(new DOMException('nothing came', 'TimeoutError')));
  request.on('error', reject).once('response', (response) => {
    open = response;
    resolve(response);
  });
  request.end();
  return promise;
}

function faultOf(
  response: IncomingMessage,
  { address, range, whole }: { address: Address; range: ByteRange; whole: Whole },
): Error | undefined {
  const { statusCode: status = 0, headers } = response;
  if (status !== 206) return statusFault(status, { address, whole });
  const { start, end } = range;
  const etag = headers.etag?.replace(/^W\//, '').replaceAll('"', '');
  if (whole.etag && etag !== undefined && etag !== whole.etag) return archiveChanged(whole.id);
  const given = headers['content-range'] ?? '';
  if (given === `bytes ${start}-${end - 1}/${whole.bytes}`) return undefined;
  if (given.endsWith(`/${whole.bytes}`)) return noRanges(address);
  return archiveChanged(whole.id);
}

function statusFault(status: number, { address, whole }: { address: Address; whole: Whole }): Error {
  const at = shown(originOf(address));
  const means = status >= 500 ? 'passing' : MEANINGS.find(({ statuses }) => statuses.includes(status))?.means;
  if (means === 'changed') return archiveChanged(whole.id);
  if (means === 'refused') return new Refused(`${at} refuses to give the archive (status ${status})`);
  if (means === 'passing')
    return new CliError('SERVER_FAILED', `${at} can't give the archive now (status ${status}).`);
  return noRanges(address);
}

function noRanges(address: Address): CliError {
  const message = `What answers at ${shown(originOf(address))} doesn't give a range of the archive that it's asked for: check what is in between.`;
  return new CliError('NOT_A_SERVER', message);
}
