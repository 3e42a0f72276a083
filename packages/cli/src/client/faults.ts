import { Problem } from '@longshore/shared';
import { CliError, type CliErrorCode } from '../error.ts';
import { tlsFault } from '../tls-faults.ts';

/** Why there's no answer, by the codes of Node and of its `fetch`. */
const NETWORK_FAULTS: Record<string, string> = {
  ECONNREFUSED:
    'nothing listens there: start `longshore serve`, or name another by --server or LONGSHORE_SERVER',
  ENOTFOUND: "its host name isn't known",
  EAI_AGAIN: "its host name can't be looked up now",
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: "it didn't answer in time",
  UND_ERR_CONNECT_TIMEOUT: "it didn't answer in time",
  UND_ERR_HEADERS_TIMEOUT: "it didn't answer in time",
  UND_ERR_BODY_TIMEOUT: "it didn't answer in time",
};

/** What a request that has no answer fails with. */
export function networkFault(server: URL, cause: unknown): CliError {
  const tls = tlsFault(cause);
  if (tls)
    return new CliError('SERVER_UNTRUSTED', `The server at ${shown(server)} can't be used: ${tls}.`, {
      cause,
    });
  const code = codeOf(cause);
  if (code.startsWith('HPE_')) return notAServer(server, cause);
  const why = NETWORK_FAULTS[code] ?? (code || 'there was no answer');
  return new CliError('SERVER_UNREACHABLE', `The server at ${shown(server)} can't be reached: ${why}.`, {
    cause,
  });
}

/** The innermost code: `fetch` itself only says that it failed. */
function codeOf(cause: unknown): string {
  let code = '';
  for (let at = cause; at instanceof Error; at = at.cause) {
    if (at.name === 'TimeoutError') return 'ETIMEDOUT';
    if ('code' in at && typeof at.code === 'string') code = at.code;
  }
  return code;
}

export function notAServer(server: URL, cause?: unknown): CliError {
  const message = `What answers at ${shown(server)} isn't a Longshore server of this version: check the address.`;
  return new CliError('NOT_A_SERVER', message, { cause });
}

export function shown(server: URL): string {
  return server.href.replace(/\/$/, '');
}

/** What an answer that says no fails with. */
export async function refusalOf(server: URL, response: Response): Promise<CliError> {
  const problem = Problem.safeParse(await response.json().catch(() => undefined));
  if (!problem.success) return notAServer(server);
  return new CliError(codeFor(problem.data), sentenceOf(server, problem.data));
}

function codeFor({ status, code }: Problem): CliErrorCode {
  if (status === 401 || code === 'FORBIDDEN') return 'TOKEN_REFUSED';
  return isPassing(status) ? 'SERVER_FAILED' : 'REQUEST_REFUSED';
}

/** What may be otherwise in a while. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 429;
}

const HOW_TO_GIVE_A_TOKEN = 'Give it by LONGSHORE_TOKEN or --token-file.';

function sentenceOf(server: URL, { status, detail, errors = [] }: Problem): string {
  // Most details name what is wrong by themselves.
  const unsaid = errors.filter(({ message }) => !detail.includes(message));
  const where = unsaid.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const said = where ? `${detail.replace(/\.$/, '')} (${where}).` : detail;
  if (status === 401) return `${said} ${HOW_TO_GIVE_A_TOKEN}`;
  return isPassing(status) ? `The server at ${shown(server)} can't do that now: ${said}` : said;
}
