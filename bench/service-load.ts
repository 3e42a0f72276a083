import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { Producer } from '@longshore/producer';
import { exportKeys, MARK_DONE, QUEUE } from '@longshore/shared';
import { MemoryStore } from '@longshore/store';
import type { Redis } from 'ioredis';
import { pino } from 'pino';

/** Items of a running export, as many as there may be: its part map is at its largest. */
const ITEMS = 9_998;

/** Items of one export that are done in a second. */
const DONE_PER_SECOND = 20;

/** Milliseconds that requests took, one for each, in the order of their answers. */
export type Times = number[];

/** The value below which `share` of the times are. */
export function quantile(times: Times, share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

/** Finished exports, written by a producer that has nothing else to do. */
export async function fillRecords(redis: string, count: number): Promise<void> {
  await using producer = await Producer.start({
    ...{ redis, volumes: new Set(['data']), version: '0.0.0-bench', logger: pino({ level: 'silent' }) },
    destinations: new Map([['archives', new MemoryStore()]]),
  });
  for (let at = 0; at < count; at++) await producer.records.create(finished(at));
}

function finished(at: number): Parameters<Producer['records']['create']>[0] {
  const now = new Date().toISOString();
  const name = `finished-${at}`;
  const key = `${name}.tar.zst`;
  return {
    ...{ version: 1, id: `xfinished${at}`, revision: 0, created: now, wish: 'run', phase: 'Completed' },
    request: {
      ...{ volume: 'data', destination: 'archives', name, format: 'tar.zst', level: 3 },
      ...{ exclude: [], onChange: 'record' },
    },
    ...{ retried: 0, runs: 1, started: now, ended: now },
    result: {
      archive: { key, bytes: 1e9, parts: 100, etag: 'etag' },
      ...{ manifest: { key }, index: { key }, tape: { bytes: 2e9, crc32: '00000000' } },
      ...{ entries: { count: 1e5, bytes: 2e9 }, drift: { count: 0 }, skipped: { count: 0, lost: 0 } },
    },
  };
}

/** Asks for pages of 50, one after the other and from the newest to the oldest over and over, until it's enough. */
export async function list(url: string, isEnough: (times: Times) => boolean): Promise<Times> {
  const times: Times = [];
  let cursor = '';
  while (!isEnough(times)) {
    const begin = performance.now();
    const answer = await fetch(`${url}/v1/exports?limit=50${cursor}`);
    const { next } = (await answer.json()) as { next?: string };
    times.push(performance.now() - begin);
    cursor = next ? `&cursor=${encodeURIComponent(next)}` : '';
  }
  return times;
}

export interface Creation {
  count: number;
  name: string;
  /** Requests under way at once. */
  together: number;
}

/** Requests exports, each under a name of its own; gives their ids, and how long each request took. */
export async function create(
  url: string,
  { count, name, together }: Creation,
): Promise<{ ids: string[]; times: Times }> {
  const [ids, times]: [string[], Times] = [[], []];
  let begun = 0;
  const work = async () => {
    while (begun < count) {
      const body = JSON.stringify({ volume: 'data', destination: 'archives', name: `${name}-${begun++}` });
      const begin = performance.now();
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1/exports`, { method: 'POST', body, headers });
      if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
      ids.push(((await answer.json()) as { id: string }).id);
      times.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  return { ids, times };
}

/** What workers would do: some items of each export are done, each second. */
export async function pack(
  ids: readonly string[],
  { view, second }: { view: Redis; second: number },
): Promise<void> {
  const pipeline = view.pipeline();
  for (const id of ids) {
    const { finalize, done, counters } = exportKeys(QUEUE, id);
    pipeline.hset(finalize, { name: 'finalize' }).hset(counters, { items: ITEMS, tapeBytes: 1e12 });
    for (let item = 0; item < DONE_PER_SECOND; item++) {
      const number = (second * DONE_PER_SECOND + item) * 7;
      pipeline.eval(MARK_DONE, 3, finalize, done, counters, number, 1_000_000, 500_000, 1);
    }
  }
  await pipeline.exec();
}

/** Event streams of many clients; counts what they get. */
export class Streams implements Disposable {
  events = 0;
  bytes = 0;
  readonly #agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  readonly #streams: IncomingMessage[] = [];

  /** Opens so many, spread over the exports. */
  async open(url: string, { ids, clients }: { ids: readonly string[]; clients: number }): Promise<void> {
    const urls = Array.from(
      { length: clients },
      (_, at) => `${url}/v1/exports/${ids[at % ids.length]}/events`,
    );
    await Promise.all(urls.map((each) => this.#open(each)));
  }

  /** How many the server hasn't ended. */
  get living(): number {
    return this.#streams.filter(({ destroyed }) => !destroyed).length;
  }

  async #open(url: string): Promise<void> {
    const [answer] = (await once(get(url, { agent: this.#agent }), 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode}`);
    answer.on('error', () => undefined);
    answer.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.events += chunk.toString('latin1').split('\nevent: ').length - 1;
    });
    this.#streams.push(answer);
  }

  [Symbol.dispose](): void {
    for (const stream of this.#streams) stream.destroy();
    this.#agent.destroy();
  }
}
