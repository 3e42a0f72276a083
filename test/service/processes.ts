import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { QUEUE } from '@longshore/shared';
import { RedisRecordStore } from '../../packages/producer/src/records/redis-record-store.ts';
import { bucketDestination, type Destination } from '../harness/destination.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { Longshore } from '../harness/longshore.ts';
import { QueueView } from '../harness/queue-view.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { freePort } from '../harness/server.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { Api } from './api.ts';

const LOOK_AGAIN_MS = 20;

/** Two cores that others use as well: a worker usually says so within two seconds. */
const START_MS = 60_000;

/** What a queue has for itself, what is kept of exports that have ended, and what readiness is tried with. */
const OWN_KEY = /:(meta|events|id|marker|stalled-check|pc)$|:longshore:(records:|ready$)/;

/** Where the archives of destination `bucket` are, below its server's folder, is `BUCKET/PREFIX`. */
const PREFIX_IN_BUCKET = 'some/prefix';

export interface ServiceOptions {
  /** Volume name → folder. */
  volumes: Record<string, string>;
  /** Destination name → folder, beside `bucket` and `folder`, which are always there. */
  destinations?: Record<string, string>;
  /** Where the service finds the S3 server, if not at its own address: something that is between them. */
  s3Endpoint?: (s3: S3Server) => Promise<string>;
  /** What the configuration says besides. */
  settings?: Record<string, unknown>;
}

export interface WorkerOptions {
  /** Seconds. So long by default that an item which nobody hands back would hang the test. */
  lock?: number;
  /** Seconds. */
  grace?: number;
  threads?: number;
}

/** A `longshore serve`, and the API that it serves. */
export interface Server {
  process: Longshore;
  port: number;
  api: Api;
}

/**
 * A service as an operator runs it, on this machine: Redis, an S3 server, and any number of `longshore serve` and
 * `longshore work`, each a process of its own that goes by one configuration file.
 */
export class Service implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly s3: S3Server;
  /** The destination `bucket`, seen without Longshore's own code. */
  readonly bucket: Destination;
  /** The destination `folder`. */
  readonly folder: string;
  /** Its Redis, looked into from outside. */
  readonly view: QueueView;
  /** The file that holds the S3 secret; programs read it at their start. */
  readonly secretFile: string;
  readonly #temp: TempFolder;
  readonly #stack: AsyncDisposableStack;
  readonly #programs: Longshore[] = [];
  #workers = 0;

  static async start(options: ServiceOptions): Promise<Service> {
    await using stack = new AsyncDisposableStack();
    const temp = stack.use(await tempFolder('processes'));
    const redis = stack.use(await startRedis());
    const s3 = stack.use(await startS3());
    const bucket = stack.use(await bucketDestination(s3));
    for (const folder of ['archives', 'tmp']) await mkdir(join(temp.path, folder));
    const service = new Service({ temp, redis, s3, bucket, stack: stack.move() });
    await service.#configure(options);
    return service;
  }

  private constructor(parts: {
    temp: TempFolder;
    redis: RedisServer;
    s3: S3Server;
    bucket: Destination;
    stack: AsyncDisposableStack;
  }) {
    this.#temp = parts.temp;
    this.redis = parts.redis;
    this.s3 = parts.s3;
    this.bucket = parts.bucket;
    this.folder = join(parts.temp.path, 'archives');
    this.secretFile = join(parts.temp.path, 'secret-access-key');
    this.#stack = parts.stack;
    this.view = this.#stack.use(new QueueView(this.redis.socket));
  }

  /** Starts a producer, on this port or on one that's free; resolves when it's ready. */
  async serve(at?: number): Promise<Server> {
    const port = at ?? (await freePort());
    const process = this.#program(['serve', '--listen', `127.0.0.1:${port}`]);
    const api = new Api(`http://127.0.0.1:${port}`);
    await this.#ready(process, () => api.isReady());
    return { process, port, api };
  }

  /** Starts a worker; resolves when it takes jobs. */
  async work({ lock = 120, grace = 25, threads = 1 }: WorkerOptions = {}): Promise<Longshore> {
    const name = `worker-${++this.#workers}`;
    const settings = Object.entries({ lock, grace, threads }).flatMap(([key, value]) => [
      `--${key}`,
      `${value}`,
    ]);
    const process = this.#program(['work', '--name', name, ...settings]);
    let said = '';
    process.child.stderr?.on('data', (text) => {
      said += text;
    });
    await this.#ready(process, async () => said.includes('"ready"'));
    return process;
  }

  workers(count: number, options?: WorkerOptions): Promise<Longshore[]> {
    return Promise.all(Array.from({ length: count }, () => this.work(options)));
  }

  /** A client command of the CLI. */
  client(args: readonly string[], { api }: Pick<Server, 'api'>): Longshore {
    return this.#start([...args, '--server', api.url]);
  }

  /** SHA-256 of an archive in `bucket`, as its server keeps it. */
  sha256(key: string): Promise<string> {
    const { host } = new URL(this.bucket.uri);
    return sha256OfFile(join(this.s3.dir, host, PREFIX_IN_BUCKET, key));
  }

  /** Keys in Redis that are about exports, but for their records. */
  async keys(): Promise<string[]> {
    const keys = await this.view.keys();
    return keys.filter((key) => key.startsWith(`bull:${QUEUE}:`) && !OWN_KEY.test(key));
  }

  /** Waits until the workers hold so many jobs at once. */
  async busy(jobs: number): Promise<void> {
    while ((await this.view.active()).length < jobs) await delay(LOOK_AGAIN_MS);
  }

  /** Waits until nothing is left to be done about any export: its phase says so a moment before the last of it goes. */
  async settled(): Promise<void> {
    const records = new RedisRecordStore({ redis: this.view.redis, queue: QUEUE });
    while ((await records.due(Number.MAX_SAFE_INTEGER, 1)).length > 0) await delay(LOOK_AGAIN_MS);
  }

  /** Tells every program that still runs to end; how they did, and what they left in their temporary folder. */
  async stop(): Promise<{ exitCodes: (number | null)[]; left: string[] }> {
    const running = this.#programs.filter(
      ({ child }) => child.exitCode === null && child.signalCode === null,
    );
    for (const program of running) program.kill('SIGTERM');
    const ended = await Promise.all(running.map(({ finished }) => finished));
    return {
      exitCodes: ended.map(({ exitCode }) => exitCode).sort(),
      left: await readdir(join(this.#temp.path, 'tmp')),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #configure({ volumes, destinations = {}, settings = {}, s3Endpoint }: ServiceOptions): Promise<void> {
    const { accessKeyId, secretAccessKey } = this.s3.credentials;
    const accessKeyIdFile = join(this.#temp.path, 'access-key-id');
    await writeFile(accessKeyIdFile, accessKeyId);
    await writeFile(this.secretFile, secretAccessKey, { mode: 0o600 });
    const bucket = {
      uri: this.bucket.uri,
      endpoint: (await s3Endpoint?.(this.s3)) ?? this.s3.endpoint,
      region: this.s3.region,
      accessKeyIdFile,
      secretAccessKeyFile: this.secretFile,
    };
    const config = {
      ...settings,
      redis: this.redis.url,
      volumes,
      destinations: { ...destinations, bucket, folder: this.folder },
    };
    await writeFile(this.#configFile, JSON.stringify(config));
  }

  get #configFile(): string {
    return join(this.#temp.path, 'longshore.json');
  }

  #program(args: readonly string[]): Longshore {
    const program = this.#start([...args, '--config', this.#configFile]);
    this.#programs.push(program);
    return program;
  }

  #start(args: readonly string[]): Longshore {
    return this.#stack.use(new Longshore(args, { env: { TMPDIR: join(this.#temp.path, 'tmp') } }));
  }

  async #ready(program: Longshore, test: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await test())) {
      const { exitCode, signalCode } = program.child;
      const hasEnded = exitCode !== null || signalCode !== null;
      if (hasEnded) throw new Error(`longshore ended: ${(await program.finished).stderr}`);
      if (performance.now() > deadline) throw new Error(`longshore isn't ready after ${START_MS} ms`);
      await delay(LOOK_AGAIN_MS);
    }
  }
}
