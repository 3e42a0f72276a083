import type { ExportLinks } from '@longshore/shared';
import type { Client } from '../client/client.ts';
import { reportRegularly } from '../progress/regularly.ts';
import type { Reporter } from '../progress/reporter.ts';
import type { Transfer } from '../progress/transfer.ts';
import { ArchiveLink } from './archive-link.ts';
import { fetchSegment, type SegmentFetch } from './fetch-segment.ts';
import { PartFile } from './part-file.ts';
import { type Segment, segmentsOf } from './segments.ts';
import { Tally } from './tally.ts';

export interface DownloadOptions {
  client: Client;
  /** What the server has just given for the export. */
  links: ExportLinks;
  /** Where the archive goes; it's not there yet. */
  file: string;
  /** Segments that are fetched at once. */
  connections: number;
  reporter: Reporter<Transfer>;
  onTrouble: (message: string) => void;
  signal: AbortSignal;
}

/**
 * Downloads an export's archive. Segments are fetched in order, several at once, each to its place in `FILE.part`, and
 * checked by their CRC-32; whoever calls again after a kill goes on with those that aren't there. Rejects with the
 * signal's reason, or a CliError.
 */
export async function download(id: string, options: DownloadOptions): Promise<Tally> {
  const { client, links, file, onTrouble, signal } = options;
  const whole = { id, bytes: links.bytes, etag: links.etag };
  await using part = await PartFile.open(file, whole);
  const segments = segmentsOf(links);
  const missing = segments.filter((segment) => !part.has(segment));
  const tally = new Tally({ bytes: links.bytes, kept: links.bytes - sizeOf(missing), onTrouble });
  // Segments that can't be checked come one after the other.
  const connections = links.segments.length > 0 ? options.connections : 1;
  const transfer = () => ({ bytes: tally.bytes, doneBytes: tally.done, keptBytes: tally.kept });
  using _ = reportRegularly(transfer, options.reporter);
  const write = (bytes: Buffer, at: number) => part.write(bytes, at);
  const link = new ArchiveLink(links, { client, id });
  await fetchAll(missing, { part, connections, fetch: { link, whole, tally, write, signal } });
  await part.finish();
  return tally;
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { start, end }) => sum + end - start, 0);
}

interface Fetching {
  part: PartFile;
  connections: number;
  fetch: SegmentFetch;
}

/** The first connection that can't go on ends the others. */
async function fetchAll(missing: readonly Segment[], { part, connections, fetch }: Fetching): Promise<void> {
  const failing = new AbortController();
  const signal = AbortSignal.any([fetch.signal, failing.signal]);
  const next = missing.values();
  const connection = async () => {
    for (const segment of next) {
      await fetchSegment(segment, { ...fetch, signal });
      await part.verified(segment);
    }
  };
  const each = Array.from({ length: connections }, () =>
    connection().catch((error: unknown) => {
      failing.abort(error);
      throw error;
    }),
  );
  const [failed] = (await Promise.allSettled(each)).filter(({ status }) => status === 'rejected');
  if (failed) throw signal.reason;
}
