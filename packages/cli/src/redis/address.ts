import { CliError } from '../error.ts';

/** The path names a database of Redis by its number. */
const DATABASE = /^\/?\d*$/;

function fault(address: string): string | undefined {
  if (address.startsWith('/')) return undefined;
  const url = URL.parse(address);
  if (url?.protocol === 'unix:')
    return url.host === '' && url.pathname !== '' ? undefined : 'names no socket';
  if (url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') return "isn't a Redis URL";
  if (url.hostname === '') return 'names no host';
  return DATABASE.test(url.pathname) ? undefined : "ends in something that isn't a database's number";
}

/** Refuses what isn't `redis[s]://HOST[:PORT][/DATABASE]`, `unix:///PATH` or a socket's path: USAGE. */
export function checkRedisAddress(address: string): void {
  const reason = fault(address);
  if (reason === undefined) return;
  const message = `The Redis address ${JSON.stringify(shownRedis(address))} ${reason}: give redis://HOST:PORT or the path of its socket.`;
  throw new CliError('USAGE', message);
}

/** The address for messages: without user, password and parameters, which may hold a password too. */
export function shownRedis(address: string): string {
  if (address.startsWith('/')) return address.replace(/\?.*$/s, '');
  // Up to the last @: a password may have a slash or another @ in it.
  return address.replace(/^([a-z]+:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '');
}
