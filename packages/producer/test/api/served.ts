import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportResult, ExportStatus } from '@longshore/shared';
import { DirectoryStore, type Store } from '@longshore/store';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../../test/harness/redis.ts';
import { tempFolder } from '../../../../test/harness/temp.ts';
import {
  type ApiOptions,
  type ApiProducer,
  type LiveLimits,
  LiveVolumes,
  newToken,
  ownArchives,
  TokenFile,
} from '../../src/api/index.ts';
import { type Listening, listen } from '../../src/api/listen.ts';
import type { ExportsApi } from '../../src/exports/exports.ts';
import { Producer } from '../../src/producer.ts';
import type { ExportRecord } from '../../src/records/record.ts';

export interface ServedOptions extends Partial<Omit<ApiOptions, 'producer' | 'logger' | 'tokens' | 'live'>> {
  /** `yes`: with a token for a viewer and one for an operator. */
  tokens?: 'yes';
  destinations?: Record<string, Store>;
  live?: Partial<LiveLimits>;
  /** What the API is given instead of the producer, made of it. */
  wrap?: (producer: Producer) => ApiProducer;
}

/** The API of a real producer on a real Redis, on a port of its own. Nobody works on its exports. */
export class Served implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly producer: Producer;
  readonly listening: Listening;
  /** The destination `archives`. */
  readonly store: DirectoryStore;
  /** The volume `data`; there is nothing at the place of `other`. */
  readonly volume: string;
  readonly tokens: { viewer: string; operator: string };
  readonly tokenFile: string;
  /** Everything that was logged, as JSON lines. */
  readonly log: string[];
  #stack: AsyncDisposableStack;

  private constructor(
    parts: Omit<
      Served,
      'url' | 'get' | 'post' | 'request' | 'complete' | 'adopt' | 'view' | typeof Symbol.asyncDispose
    >,
    stack: AsyncDisposableStack,
  ) {
    ({
      redis: this.redis,
      producer: this.producer,
      listening: this.listening,
      store: this.store,
      volume: this.volume,
      tokens: this.tokens,
      tokenFile: this.tokenFile,
      log: this.log,
    } = parts);
    this.#stack = stack;
  }

  static async start({
    tokens,
    destinations,
    live: limits,
    wrap,
    ...options
  }: ServedOptions = {}): Promise<Served> {
    await using stack = new AsyncDisposableStack();
    const log: string[] = [];
    const logger = pino({ level: 'debug' }, { write: (line) => log.push(line) });
    const temp = stack.use(await tempFolder('api'));
    const redis = stack.use(await startRedis());
    const store = stack.use(await DirectoryStore.open(join(temp.path, 'archives')));
    const producer = stack.use(
      await Producer.start({
        redis: redis.socket,
        volumes: new Set(['data', 'other']),
        destinations: new Map(Object.entries({ archives: store, ...destinations })),
        version: '0.0.0-test',
        logger,
      }),
    );
    const volume = join(temp.path, 'data');
    await mkdir(volume);
    const live = stack.use(
      new LiveVolumes({
        volumes: new Map(Object.entries({ data: volume, other: join(temp.path, 'nowhere') })),
        folder: join(temp.path, 'plans'),
        longshore: '0.0.0-test',
        logger,
        ...(limits && { limits }),
      }),
    );
    const made = {
      viewer: newToken({ name: 'vera', role: 'viewer' }),
      operator: newToken({ name: 'otto', role: 'operator' }),
    };
    const tokenFile = join(temp.path, 'tokens');
    await writeFile(tokenFile, `# who may come in\n${made.viewer.line}\n\n${made.operator.line}\n`);
    const listening = stack.use(
      await listen(
        { host: '127.0.0.1', port: 0 },
        {
          ...options,
          producer: wrap?.(producer) ?? producer,
          live: ownArchives(live),
          logger,
          ...(tokens && { tokens: await TokenFile.open(tokenFile, { logger }) }),
        },
      ),
    );
    const parts = { redis, producer, listening, store, volume, log, tokenFile };
    const plain = { viewer: made.viewer.token, operator: made.operator.token };
    return new Served({ ...parts, tokens: plain }, stack.move());
  }

  get url(): string {
    return this.listening.url;
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(path, this.url), { redirect: 'manual', ...init });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request(path, { headers });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return this.request(path, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
  }

  /** A record of an export that is complete, with an archive of these bytes. */
  async complete(
    bytes: Buffer,
    { name = 'archive', destination = 'archives', store = this.store as Store } = {},
  ): Promise<ExportRecord> {
    const key = `${name}.tar.zst`;
    const { etag } = await store.put(key, { bytes: bytes.length, chunks: [bytes] });
    return this.adopt(
      {
        archive: { key, bytes: bytes.length, parts: 1, etag },
        ...{ manifest: { key: `${name}.manifest.json` }, index: { key: `${name}.index.sqlite` } },
        ...{ tape: { bytes: 1_024, crc32: '00000000' }, entries: { count: 1, bytes: 1 } },
        ...{ drift: { count: 0 }, skipped: { count: 0, lost: 0 } },
      },
      { name, destination },
    );
  }

  /** A record of an export that is complete, and whose outcome is at the destination already. */
  async adopt(
    result: ExportResult,
    { name, destination = 'archives' }: { name: string; destination?: string },
  ): Promise<ExportRecord> {
    const at = new Date().toISOString();
    const { record } = await this.producer.records.create({
      ...{
        version: 1,
        id: `x${Date.now()}${Math.random().toString(36).slice(2, 8)}`,
        revision: 0,
        created: at,
      },
      request: {
        volume: 'data',
        destination,
        name,
        format: 'tar.zst',
        level: 3,
        exclude: [],
        onChange: 'record',
      },
      ...{ wish: 'run', phase: 'Completed', retried: 0, runs: 1, started: at, ended: at },
      result,
    });
    return record;
  }

  /** Another connection to Redis, for the test. */
  view(): Redis & Disposable {
    const redis = new Redis(this.redis.socket);
    return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The producer, with some of its exports' methods replaced. */
export function withExports(producer: Producer, replaced: Partial<ExportsApi>): ApiProducer {
  const { redis, queue, reconciler, records, volumes, destinations } = producer;
  const exports: ExportsApi = {
    create: (body, idempotency) => producer.exports.create(body, idempotency),
    get: (id) => producer.exports.get(id),
    list: (query) => producer.exports.list(query),
    cancel: (id) => producer.exports.cancel(id),
    retry: (id) => producer.exports.retry(id),
    suspend: (id) => producer.exports.suspend(id),
    resume: (id) => producer.exports.resume(id),
    change: (id, change) => producer.exports.change(id, change),
    delete: (id) => producer.exports.delete(id),
    partMap: (id) => producer.exports.partMap(id),
    archive: (id) => producer.exports.archive(id),
    ...replaced,
  };
  return { redis, queue, reconciler, records, volumes, destinations, exports };
}

let names = 0;

export const REQUEST = { volume: 'data', destination: 'archives' };

/** Requests an export, under a name that no other one has, and gives it as it was answered. */
export async function created(served: Served, request: object = {}): Promise<ExportStatus> {
  return (
    await served.post('/v1/exports', { ...REQUEST, name: `export-${++names}`, ...request })
  ).json() as Promise<ExportStatus>;
}
