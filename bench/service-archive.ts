import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { create, quantile, type Times } from './service-load.ts';
import type { Phase } from './service-report.ts';
import type { BenchedServer } from './service-server.ts';

/** In each directory one file has content, and the others have none: what counts is how many there are. */
const DIRECTORY_ENTRIES = 1_000;
const CONTENT_BYTES = 65_536;
const CONTENT_NAME = 'noise';

const FILE_READS = 1_000;
/** Of that many; the machine, which others use too, may halt in one of them. */
const ROUNDS = 3;
const DOWNLOADS = 200;
const ASK_AGAIN_MS = 200;

/** A slow reader takes a piece, and then nothing for so long. */
const SLOW_MS = 64;

/** Makes and really exports a tree of so many entries; gives the export's id. */
export async function exportTree(
  server: BenchedServer,
  { volume, entries }: { volume: string; entries: number },
): Promise<string> {
  for (let at = 0; at < entries / DIRECTORY_ENTRIES; at++) await makeDirectory(join(volume, `${at}`));
  const { ids } = await create(server.url, { count: 1, name: 'large', together: 1 });
  await using _worker = server.work();
  for (;;) {
    const { phase } = (await (await fetch(`${server.url}/v1/exports/${ids[0]}`)).json()) as { phase: string };
    if (phase === 'Completed') return ids[0];
    if (phase === 'Failed') throw new Error('the export of the large tree failed');
    await delay(ASK_AGAIN_MS);
  }
}

async function makeDirectory(folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, CONTENT_NAME), randomBytes(CONTENT_BYTES));
  // The directory itself and the file with content are entries too.
  const names = Array.from({ length: DIRECTORY_ENTRIES - 2 }, (_, at) => join(folder, `${at}`));
  await Promise.all(names.map((name) => writeFile(name, '')));
}

/** Reads single files, the first one before the index is there, and then others all over the archive. */
export async function fileReads(
  server: BenchedServer,
  { id, entries }: { id: string; entries: number },
): Promise<Phase[]> {
  const directories = Math.floor(entries / DIRECTORY_ENTRIES);
  const read = async (at: number) => {
    // A prime stride: neighbours are never read one after the other.
    const path = encodeURIComponent(`${(at * 7_919) % directories}/${CONTENT_NAME}`);
    const begin = performance.now();
    const answer = await fetch(`${server.url}/v1/exports/${id}/files/content?path=${path}`);
    const { byteLength } = await answer.arrayBuffer();
    if (byteLength !== CONTENT_BYTES) throw new Error(`${path}: ${answer.status}, ${byteLength} bytes`);
    return performance.now() - begin;
  };
  const of = `of ${entries.toLocaleString('en')} entries`;
  const cold: Times = [];
  const first = await server.cost(async () => void cold.push(await read(0)));
  const rounds: Phase[] = [];
  const name = `${FILE_READS.toLocaleString('en')} single files ${of}, index cached, the middle one of ${ROUNDS} rounds`;
  for (let round = 0; round < ROUNDS; round++) {
    const times: Times = [];
    const cost = await server.cost(async () => {
      for (let at = 1; at <= FILE_READS; at++) times.push(await read(round * FILE_READS + at));
    });
    rounds.push({ name, ...cost, p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
  }
  const middle = rounds.toSorted((a, b) => (a.p99 ?? 0) - (b.p99 ?? 0))[ROUNDS >> 1];
  return [{ name: `the first file ${of}, its index fetched`, ...first, p50: cold[0] }, middle];
}

/** Downloads at once for a while, each begun again at its end; `slow` of them by readers of 1 MB a second. */
export async function downloads(
  server: BenchedServer,
  { id, seconds, slow }: { id: string; seconds: number; slow: number },
): Promise<Phase> {
  let bytes = 0;
  const ending = new AbortController();
  const url = `${server.url}/v1/exports/${id}/archive`;
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const follow = async (isSlow: boolean) => {
    while (!ending.signal.aborted) {
      const [answer] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
      if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode}`);
      for await (const piece of answer) {
        bytes += piece.length;
        if (ending.signal.aborted) break;
        if (isSlow) await delay(SLOW_MS);
      }
    }
  };
  const cost = await server.cost(async () => {
    const clients = Array.from({ length: DOWNLOADS }, (_, at) => follow(at < slow));
    await Promise.race([delay(seconds * 1_000), Promise.all(clients)]);
    ending.abort();
    await Promise.all(clients);
  });
  agent.destroy();
  const rate = `${Math.round(bytes / cost.seconds / 1e6)} MB/s`;
  return { name: `${DOWNLOADS} downloads at once, ${slow} of them slow, ${rate}`, ...cost };
}
