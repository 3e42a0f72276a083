/** Where Services are; only the cluster's own machines and pods know these addresses. */
export const SERVICES = '10.96.0.0/16';

/** The first address of SERVICES: `kubernetes.default`. */
export const API_SERVICE = '10.96.0.1';

/** As in `dns.yaml`. */
export const DNS_SERVICE = '10.96.0.10';

/** A cluster's own addresses: 10.SITE.0.0/16, where 10.SITE.0.0/24 has the machines, and node N's pods 10.SITE.N.0/24. */
export interface Addresses {
  site: number;
  all: string;
  /** This machine, as the cluster's machines and pods reach it. */
  host: string;
  control: string;
  node(number: number): string;
  podsOf(number: number): string;
}

export function addressesOf(site: number): Addresses {
  return {
    site,
    all: `10.${site}.0.0/16`,
    host: `10.${site}.0.1`,
    control: `10.${site}.0.10`,
    node: (number) => `10.${site}.0.${10 + number}`,
    podsOf: (number) => `10.${site}.${number}.0/24`,
  };
}
