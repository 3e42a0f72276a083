import { BlockList, isIP } from 'node:net';
import { ProducerError } from '../../error.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host === 'localhost';
  return LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Rejects with AUTH_REQUIRED an address that others than this machine reach, where there are no tokens to keep them out. */
export function expectSafeAddress(host: string, { hasTokens }: { hasTokens: boolean }): void {
  if (hasTokens || isLoopback(host)) return;
  throw new ProducerError(
    'AUTH_REQUIRED',
    `${host === '' ? 'Every address' : host} can be reached from other machines: configure a token file, or listen on 127.0.0.1.`,
  );
}
