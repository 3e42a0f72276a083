import type { ExportLinks } from '@longshore/shared';
import type { Client } from '../client/client.ts';
import { CliError } from '../error.ts';

/** Links are renewed this long before they end, or after nine tenths of their life, whichever is later. */
const MARGIN_MS = 30_000;

/** New links by which nothing came, one after the other: then there's no point in another. */
const MOST_VAIN = 3;

/** Where to ask for the archive's bytes, and with which headers. */
export interface Address {
  url: URL;
  headers: Readonly<Record<string, string>>;
}

/**
 * The newest link to an archive. A signed link has all it needs in its address, and whoever it leads to isn't to see
 * the token; from a directory the server gives the bytes itself, at its own address as this program knows it,
 * whatever a link says.
 */
export class ArchiveLink {
  readonly #client: Client;
  readonly #id: string;
  readonly #etag: string;
  #address: Address;
  #renewAt = Number.POSITIVE_INFINITY;
  #renewing: Promise<void> | undefined;
  #vain = 0;

  /** `links` are those that the server has just made for the export. */
  constructor(links: ExportLinks, { client, id }: { client: Client; id: string }) {
    this.#client = client;
    this.#id = id;
    this.#etag = links.etag;
    this.#address = this.#take(links);
  }

  /** A link that is good for now: near its end it's renewed first. */
  async current(): Promise<Address> {
    if (performance.now() >= this.#renewAt) await this.#renewed();
    return this.#address;
  }

  /** Bytes came by a link, so links aren't refused. */
  served(): void {
    this.#vain = 0;
  }

  /** Asks for a new link instead of one that was refused; of many that ask at once, one does. */
  async refused(address: Address, why: string): Promise<void> {
    // Others may have renewed it while this one was on its way.
    if (address !== this.#address) return;
    if (this.#vain >= MOST_VAIN)
      throw new CliError('LINK_REFUSED', `${why}, with a new link too: ask the server's operator.`);
    await this.#renewed();
  }

  #renewed(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const links = await this.#client.links(this.#id);
    if (links.etag !== this.#etag) throw archiveChanged(this.#id);
    this.#address = this.#take(links);
    this.#vain++;
  }

  #take({ archive, expiresIn }: ExportLinks): Address {
    if (expiresIn === undefined) return this.#client.ownArchive(this.#id);
    const life = expiresIn * 1_000;
    this.#renewAt = performance.now() + Math.max(life - MARGIN_MS, life * 0.9);
    return { url: new URL(archive), headers: {} };
  }
}

export function archiveChanged(id: string): CliError {
  return new CliError(
    'ARCHIVE_CHANGED',
    `The archive of ${id} was replaced since this download began: its parts don't belong together. Delete the .part files, and download again.`,
  );
}
