import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '../../test/harness/redis.ts';
import { type S3Server, startS3 } from '../../test/harness/versitygw.ts';
import { Program } from './program.ts';

export interface ServiceOptions {
  /** Where its files go, all of them; the caller's to remove. */
  folder: string;
  port: number;
  /** Name → path. */
  volumes: Record<string, string>;
  workers: number;
  /** Threads of each worker; one for each core where it isn't given. */
  threads?: number;
  /** Told of a program that ended by itself, or was killed. */
  onEnd: (program: Program) => void;
  signal: AbortSignal;
}

/** A whole Longshore on this machine: Redis, an S3 server, a producer and workers, each a process of its own. */
export interface Service extends AsyncDisposable {
  /** The API's. */
  url: string;
  s3: S3Server;
  workers: readonly Program[];
}

/** The destination that the service has. */
export const DESTINATION = 'archive';

/** `s3://bucket/prefix` of that destination. */
export const DESTINATION_URI = 's3://archives/exports';

/** Everything is on one machine: a worker that is silent for so long is dead, and another takes its jobs. */
const LOCK_SECONDS = '5';

/** What a worker may finish when it's told to end; the service ends as a whole. */
const GRACE_SECONDS = '2';

/** Starts the parts in the order in which they need each other; disposing of the service ends them in reverse. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { folder, port, signal } = options;
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ dir: join(folder, 'redis') }));
  const s3 = stack.use(await startS3({ dir: join(folder, 's3') }));
  await s3.bucket(new URL(DESTINATION_URI).host);
  const config = await writeConfig(options, { redis: redis.url, s3 });
  const environment = { TMPDIR: join(folder, 'tmp') };
  await mkdir(environment.TMPDIR, { recursive: true });
  const start = (name: string, args: string[]) =>
    stack.use(new Program({ name, args: [...args, '--config', config], environment, onEnd: options.onEnd }));

  const producer = start('longshore serve', ['serve']);
  const patience = ['--lock', LOCK_SECONDS, '--grace', GRACE_SECONDS];
  const names = Array.from({ length: options.workers }, (_, number) => `worker-${number + 1}`);
  const workers = names.map((name) => start(name, ['work', '--name', name, ...patience]));

  const url = `http://127.0.0.1:${port}`;
  await producer.ready({ url: `${url}/readyz` }, signal);
  await Promise.all(workers.map((worker) => worker.ready({ says: '"ready"' }, signal)));
  const parts = stack.move();
  return { url, s3, workers, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** The file that `serve` and `work` go by: JSON, which is YAML too. Secrets stand in files of their own. */
async function writeConfig(
  { folder, port, volumes, threads }: ServiceOptions,
  { redis, s3 }: { redis: string; s3: S3Server },
): Promise<string> {
  const { accessKeyId, secretAccessKey } = s3.credentials;
  const config = {
    listen: `127.0.0.1:${port}`,
    redis,
    volumes,
    destinations: {
      [DESTINATION]: {
        uri: DESTINATION_URI,
        endpoint: s3.endpoint,
        region: s3.region,
        accessKeyIdFile: await secretFile(join(folder, 'access-key-id'), accessKeyId),
        secretAccessKeyFile: await secretFile(join(folder, 'secret-access-key'), secretAccessKey),
      },
    },
    spool: join(folder, 'tmp'),
    threads,
  };
  const file = join(folder, 'longshore.json');
  await writeFile(file, JSON.stringify(config, null, 2));
  return file;
}

async function secretFile(path: string, secret: string): Promise<string> {
  await writeFile(path, secret, { mode: 0o600 });
  return path;
}
