import { type LookupAddress, lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { StoreError } from '@longshore/store';

/**
 * What a tenant's endpoint must not make the producer contact: itself, its node, the cloud's metadata service, and
 * whatever answers to nobody but pods. RFC 6890, and the cluster's own ranges, which the operator names.
 */
const REFUSED: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  // Azure's and Alibaba Cloud's own, which are no link-local addresses.
  '168.63.129.16/32',
  '100.100.100.200/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  'fe80::/10',
  'fd00:ec2::254/128',
  'ff00::/8',
];

export interface GuardedNetworks {
  /** Service and pod ranges. */
  cluster: readonly string[];
  /** Exceptions: an S3 server that runs in the cluster, for example. */
  allowed: readonly string[];
}

/** Decides, after a name has become an address, whether the producer may contact it. */
export class AddressGuard {
  readonly #refused: BlockList;
  readonly #allowed: BlockList;

  constructor({ cluster, allowed }: GuardedNetworks) {
    this.#refused = listOf([...REFUSED, ...cluster]);
    this.#allowed = listOf(allowed);
  }

  mayContact(address: string): boolean {
    // ::ffff:127.0.0.1 is 127.0.0.1; BlockList compares such with IPv4 ranges by itself.
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return this.#allowed.check(address, family) || !this.#refused.check(address, family);
  }

  /** Refuses an endpoint that is an address itself: no name is looked up for one. */
  expect(endpoint: string): void {
    const host = URL.parse(endpoint)?.hostname.replace(/^\[|\]$/g, '') ?? '';
    if (isIP(host) && !this.mayContact(host)) throw refusal(host, host);
  }

  /** As `dns.lookup`, for the connections to an endpoint: all its addresses have to be allowed. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      const bad = addresses.find(({ address }) => !this.mayContact(address));
      if (bad) return callback(refusal(hostname, bad.address), '');
      if (options.all) return callback(null, addresses);
      const [{ address, family }]: LookupAddress[] = addresses;
      callback(null, address, family);
    });
  };
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function refusal(host: string, address: string): StoreError {
  const shown = host === address ? address : `${host} (${address})`;
  const message = `The endpoint ${shown} is in a network that the producer doesn't contact: the operator can allow it by kubernetes.allowedNetworks.`;
  return new StoreError('BAD_DESTINATION', message);
}
