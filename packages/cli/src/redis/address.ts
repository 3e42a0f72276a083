import type { RedisAddress } from '@longshore/shared';
import { CliError } from '../error.ts';

/** The path names a database of Redis by its number. */
const DATABASE = /^\/?\d*$/;

/** What is wrong with an address that isn't `redis[s]://HOST[:PORT][/DATABASE]`, `unix:///PATH` or a socket's path. */
export function redisFault(address: string): string | undefined {
  if (address.startsWith('/')) return undefined;
  const url = URL.parse(address);
  if (url?.protocol === 'unix:')
    return url.host === '' && url.pathname !== '' ? undefined : 'names no socket';
  if (url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') return "isn't a Redis URL";
  if (url.hostname === '') return 'names no host';
  if (!isDecodable(url.username + url.password))
    return 'has a % in its user or password that has to be written %25';
  return DATABASE.test(url.pathname) ? undefined : "ends in something that isn't a database's number";
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Refuses a URL with a fault: USAGE. */
export function checkRedisAddress(address: RedisAddress): void {
  const reason = typeof address === 'string' ? redisFault(address) : undefined;
  if (reason === undefined) return;
  const message = `The Redis address ${JSON.stringify(shownRedis(address))} ${reason}: give redis://HOST:PORT or the path of its socket.`;
  throw new CliError('USAGE', message);
}

/** The address for messages: without user, password and parameters, which may hold a password too. */
export function shownRedis(address: RedisAddress): string {
  if (typeof address !== 'string') return shownSettings(address);
  if (address.startsWith('/')) return address.replace(/\?.*$/s, '');
  // Up to the last @: a password may have a slash or another @ in it.
  return address.replace(/^([a-z]+:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '');
}

function shownSettings({ sentinels, name, path, host, port, tls }: Exclude<RedisAddress, string>): string {
  if (sentinels)
    return `${name} of ${sentinels.map((sentinel) => `${sentinel.host}:${sentinel.port}`).join(', ')}`;
  return path ?? `${tls ? 'rediss' : 'redis'}://${host}:${port}`;
}
