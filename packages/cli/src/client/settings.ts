import { readFile } from 'node:fs/promises';
import type { ClientEnvironment } from '../config.ts';
import { CliError } from '../error.ts';

export const DEFAULT_SERVER = 'http://127.0.0.1:8080';

export interface ServerOptions {
  server?: string;
  token?: string;
  tokenFile?: string;
}

export interface ClientSettings {
  server: URL;
  token: string | undefined;
}

/**
 * Which server, and with which token: options go before the environment, which goes before the user's own file. A
 * token that the file has for its server isn't sent to another.
 */
export async function clientSettings(
  options: ServerOptions,
  environment: ClientEnvironment,
): Promise<ClientSettings> {
  const own = await ownSettings(environment.file);
  const chosen = options.server ?? environment.server;
  const server = checkedServer(chosen ?? own.server ?? DEFAULT_SERVER);
  const isOwn = own.server === undefined || sameServer(own.server, server);
  const token = await tokenOf(options, environment, isOwn ? own.tokenFile : undefined);
  return { server, token };
}

interface OwnSettings {
  server?: string;
  tokenFile?: string;
}

async function ownSettings(file: string): Promise<OwnSettings> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
    throw new CliError('USAGE', `${file} can't be read (${cause.code}).`, { cause });
  });
  if (text === undefined) return {};
  // The parser of files is loaded by those who have one.
  const { parseClientFile } = await import('../config/client-file.ts');
  return parseClientFile(text, file);
}

function sameServer(one: string, other: URL): boolean {
  return URL.parse(one)?.href.replace(/\/?$/, '/') === other.href;
}

function checkedServer(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw badServer(text, "isn't a server's address: give http://HOST:PORT or https://HOST");
  if (url.username || url.password)
    throw badServer(
      url.host,
      'must have no user or password in its address: give a token by LONGSHORE_TOKEN or --token-file',
    );
  if (url.search || url.hash) throw badServer(url.host, 'must have no ? or # in its address');
  // What is asked for stands below it, also where a proxy has it below a path.
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function badServer(shown: string, why: string): CliError {
  return new CliError('USAGE', `The server ${JSON.stringify(shown.replace(/\/\/.*@/, '//'))} ${why}.`);
}

async function tokenOf(
  options: ServerOptions,
  environment: ClientEnvironment,
  ownFile: string | undefined,
): Promise<string | undefined> {
  const given = options.token ?? (options.tokenFile === undefined ? environment.token : undefined);
  if (given !== undefined) return checkedToken(given, 'The token');
  const file = options.tokenFile ?? environment.tokenFile ?? ownFile;
  return file === undefined ? undefined : readToken(file);
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('USAGE', `The token file ${file} can't be read (${cause.code}).`, { cause });
  });
  return checkedToken(text.trim(), `The token in ${file}`);
}

/** A header takes no others. */
function checkedToken(token: string, what: string): string {
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new CliError(
    'USAGE',
    `${what} isn't one: it must be a line of letters, digits and signs, without spaces.`,
  );
}
