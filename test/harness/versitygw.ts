import { mkdir } from 'node:fs/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort, ServerProcess } from './server.ts';
import { tempFolder } from './temp.ts';
import { builtTool } from './tools.ts';

const CREDENTIALS = { accessKeyId: 'longshore-test', secretAccessKey: 'longshore-test-secret' };
const REGION = 'us-east-1';

/** A real S3 server (versitygw), on the loopback interface where nothing else is said, with its objects in a folder. */
export interface S3Server extends AsyncDisposable {
  endpoint: string;
  /** Where its buckets are, as folders. */
  dir: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  /** What a program needs in its environment to use this server. */
  env: {
    AWS_ACCESS_KEY_ID: string;
    AWS_SECRET_ACCESS_KEY: string;
    AWS_REGION: string;
    AWS_ENDPOINT_URL_S3: string;
  };
  /** Makes a bucket, and gives its name back. */
  bucket(name: string): Promise<string>;
  /** SIGKILL; `restart` brings it back on the same port with the same objects. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP: it accepts connections, and stays silent. */
  freeze(): void;
  thaw(): void;
  /** Also removes the folder, unless it was given. */
  stop(): Promise<void>;
}

export async function startS3(
  options: { dir?: string; port?: number; access?: 'read-only'; address?: string } = {},
): Promise<S3Server> {
  const command = await builtTool('versitygw');
  const { address = '127.0.0.1' } = options;
  const port = options.port ?? (await freePort(address));
  const temp = options.dir === undefined ? await tempFolder('s3') : undefined;
  const dir = options.dir ?? temp!.path;
  await mkdir(dir, { recursive: true });
  const endpoint = `http://${address}:${port}`;
  const access = options.access === 'read-only' ? ['--readonly'] : [];
  const server = new ServerProcess({
    command,
    args: ['--port', `${address}:${port}`, '--keep-alive', '--quiet', ...access, 'posix', dir],
    env: { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    cwd: dir,
    isReady: async () => (await fetch(endpoint, { signal: AbortSignal.timeout(2_000) })).status === 403,
  });
  const stop = async () => {
    await server.kill();
    await temp?.[Symbol.asyncDispose]();
  };
  await startOr(server, stop);
  return {
    endpoint,
    dir,
    credentials: CREDENTIALS,
    region: REGION,
    env: {
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL_S3: endpoint,
    },
    bucket: (name) => createBucket(endpoint, name),
    kill: () => server.kill(),
    restart: () => server.kill().then(() => server.start()),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function startOr(server: ServerProcess, cleanUp: () => Promise<void>): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function createBucket(endpoint: string, name: string): Promise<string> {
  const client = new S3Client({ endpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true });
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return name;
  } finally {
    client.destroy();
  }
}
