import { execa } from 'execa';
import { type Addresses, addressesOf } from './addresses.ts';
import type { Machine } from './machine.ts';

/** Sites to choose from; SERVICES' 96 isn't among them. */
const SITES = { first: 128, count: 64 } as const;

const ATTEMPTS = 20;

/**
 * Locally administered, and any. A bridge that isn't given one has its lowest port's: when a node's link came or went,
 * all others lost the API server until their ARP entries had run out, and were taken for lost themselves.
 */
const BRIDGE_MAC = '02:00:00:00:00:0a';

/**
 * One bridge that joins a cluster's machines and this one. It is in the control plane's namespace: so nothing that is
 * bridged passes this machine's iptables, where a container engine may drop what it doesn't know, and nothing of this
 * machine's has to be changed but one link that gets an address.
 */
export class Network implements AsyncDisposable {
  readonly addresses: Addresses;
  readonly #control: Machine;
  #nodes = new Map<number, Machine>();

  private constructor(control: Machine, addresses: Addresses) {
    this.#control = control;
    this.addresses = addresses;
  }

  /**
   * Makes the bridge, on a machine that has just been booted, and finds addresses that nothing here uses yet. This
   * machine's link says by its alias whose it is: `ip link`.
   */
  static async of(control: Machine, alias: string): Promise<Network> {
    const addresses = await claimSite(control);
    await execa('ip', ['link', 'set', linkOf(addresses.site), 'alias', alias, 'up']);
    const network = new Network(control, addresses);
    await control.network('link', 'add', 'bridge', 'address', BRIDGE_MAC, 'type', 'bridge');
    await control.network('address', 'add', `${addresses.control}/24`, 'dev', 'bridge');
    await control.network('link', 'set', 'host', 'master', 'bridge', 'up');
    await control.network('link', 'set', 'bridge', 'up');
    await control.network('route', 'add', 'default', 'via', addresses.host);
    return network;
  }

  /** Connects a node that has just been booted: to the others, their pods and this machine. */
  async plug(number: number, node: Machine): Promise<void> {
    const { addresses } = this;
    const port = portOf(number);
    const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(node.pid)];
    await this.#control.network('link', 'add', port, 'master', 'bridge', ...peer);
    await this.#control.network('link', 'set', port, 'up');
    await node.network('address', 'add', `${addresses.node(number)}/24`, 'dev', 'eth0');
    await node.network('link', 'set', 'eth0', 'up');
    // Also what lets a packet to a Service leave, before kube-proxy's rules give it another address.
    await node.network('route', 'add', 'default', 'via', addresses.host);
    await this.#route(number, node);
  }

  /** Pods' addresses are told everywhere by routes: to the new node, and to those that are there already. */
  async #route(number: number, node: Machine): Promise<void> {
    const { addresses } = this;
    const route = (to: number) => ['route', 'replace', addresses.podsOf(to), 'via', addresses.node(to)];
    const others = [...this.#nodes].filter(([other]) => other !== number);
    this.#nodes.set(number, node);
    await execa('ip', route(number));
    await this.#control.network(...route(number));
    for (const [other, machine] of others) {
      await machine.network(...route(number));
      await node.network(...route(other));
    }
  }

  /** Takes a node's link away; it is made anew when the node comes back. */
  async unplug(number: number): Promise<void> {
    this.#nodes.delete(number);
    // The node's own end goes with its namespace, and takes this one along, but only some time after the node.
    await execa(
      'nsenter',
      ['--target', String(this.#control.pid), '--net', 'ip', 'link', 'delete', portOf(number)],
      {
        reject: false,
      },
    );
  }

  /** As pulling the cable does it, or putting it in again. */
  async setLink(number: number, state: 'up' | 'down'): Promise<void> {
    await this.#control.network('link', 'set', portOf(number), state);
  }

  /** The link goes with the control plane's namespace too, but later; its name and addresses are free at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await execa('ip', ['link', 'delete', linkOf(this.addresses.site)], { reject: false });
  }
}

/** The cluster's one link in this machine's own namespace. */
const linkOf = (site: number) => `longshore${site}`;

const portOf = (number: number) => `node${number}`;

/** A site is taken by making the link with its name: the kernel makes it once, however many ask at a time. */
async function claimSite(control: Machine): Promise<Addresses> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const site = SITES.first + Math.floor(Math.random() * SITES.count);
    if ((await isRouted(site)) || !(await addLink(site, control))) continue;
    const addresses = addressesOf(site);
    await execa('ip', ['address', 'add', `${addresses.host}/24`, 'dev', linkOf(site)]);
    return addresses;
  }
  throw new Error(`${ATTEMPTS} address ranges between 10.128.0.0 and 10.191.0.0 were all in use`);
}

async function addLink(site: number, control: Machine): Promise<boolean> {
  const peer = ['type', 'veth', 'peer', 'name', 'host', 'netns', String(control.pid)];
  const { failed, stderr } = await execa('ip', ['link', 'add', linkOf(site), ...peer], { reject: false });
  if (failed && !stderr.includes('File exists')) throw new Error(`a link can't be made: ${stderr}`);
  return !failed;
}

/** Whether this machine has a route into the site's addresses already, a VPN's perhaps. */
async function isRouted(site: number): Promise<boolean> {
  const { all } = addressesOf(site);
  const { stdout } = await execa('ip', ['route', 'show', 'table', 'all', 'root', all]);
  return stdout.trim() !== '';
}
