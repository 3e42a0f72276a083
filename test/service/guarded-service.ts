import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { type Finished, Longshore } from '../harness/longshore.ts';
import { freePort, ServerProcess } from '../harness/server.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { builtTool, installedTool } from '../harness/tools.ts';

const REGION = 'us-east-1';

/** Self-made, for the loopback interface: see the folder's README. */
const tls = (name: string) => fileURLToPath(new URL(`../../packages/cli/test/tls/${name}`, import.meta.url));

const secret = (name: string) => `planted-${name}-${randomBytes(12).toString('hex')}`;

/** What nobody is to see who doesn't have it: each a string that occurs nowhere else. */
const newSecrets = () => ({
  redisPassword: secret('redis'),
  redisAdmin: secret('admin'),
  accessKeyId: secret('keyid').slice(0, 30),
  secretAccessKey: secret('s3'),
  wrongKeyId: secret('badid').slice(0, 30),
  wrongSecret: secret('bads3'),
  wrongPassword: secret('badredis'),
});
export type Secrets = ReturnType<typeof newSecrets>;

/**
 * A service whose every door has a lock: Redis with TLS, certificates of clients, users and passwords, an S3 server,
 * and tokens for callers. Everything that its programs print is kept.
 */
export class GuardedService implements AsyncDisposable {
  readonly secrets = newSecrets();
  readonly port: number;
  /** Everything that any program printed. */
  readonly printed: string[] = [];
  /** Redis as its administrator sees it. */
  readonly redis: Redis;
  readonly #temp: TempFolder;
  readonly #redisPort: number;
  readonly #s3Port: number;
  readonly #stack = new AsyncDisposableStack();

  /** `settings` are more of the configuration. */
  static async start(volume: string, settings: object = {}): Promise<GuardedService> {
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const service = new GuardedService(await tempFolder('guarded'), ports);
    try {
      await service.#startRedis();
      await service.#startS3();
      await service.#configure(volume, settings);
      return service;
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(temp: TempFolder, [port, redisPort, s3Port]: number[]) {
    this.#temp = temp;
    this.port = port;
    this.#redisPort = redisPort;
    this.#s3Port = s3Port;
    this.#stack.use(temp);
    const { redisAdmin } = this.secrets;
    this.redis = new Redis({ path: this.at('redis.sock'), password: redisAdmin, lazyConnect: true });
    this.redis.on('error', () => undefined);
  }

  at(name: string): string {
    return join(this.#temp.path, name);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What `redis` of the configuration says, with another password if one is given. */
  redisSettings(passwordFile = this.at('redis-password')) {
    const files = { caFile: tls('ca.pem'), certFile: tls('server.pem'), keyFile: tls('server.key') };
    return { url: this.redisUrl(), username: 'longshore', passwordFile, tls: files };
  }

  redisUrl(user = ''): string {
    return `rediss://${user}127.0.0.1:${this.#redisPort}`;
  }

  /** Starts a program with all that it can say. */
  run(args: readonly string[], env: Record<string, string> = {}): Longshore {
    const program = new Longshore(args, { env: { LONGSHORE_DEBUG: '1', TMPDIR: this.at('tmp'), ...env } });
    for (const stream of [program.child.stdout, program.child.stderr])
      stream?.on('data', (data) => this.printed.push(String(data)));
    return this.#stack.use(program);
  }

  /** A `serve` or `work` that goes by the configuration. */
  program(...args: string[]): Longshore {
    return this.run([...args, '--config', this.at('config.json')]);
  }

  /** A new token, let in by the token file. What this command prints isn't kept: it's where a token is to be seen. */
  async token(name: string, role: string): Promise<string> {
    await using program = new Longshore([
      'token',
      '--name',
      name,
      '--role',
      role,
      '--file',
      this.at('tokens'),
    ]);
    return (await program.finished).stdout.trim();
  }

  /** A start with a configuration of its own, which is to end by itself. */
  async refused(config: object, env: Record<string, string> = {}): Promise<Finished> {
    const file = this.at(`config-${randomBytes(4).toString('hex')}.json`);
    await writeFile(file, JSON.stringify({ listen: '127.0.0.1:0', ...config }));
    return this.run(['serve', '--config', file], env).finished;
  }

  /** Every file that Redis, the S3 server and the programs have written, with what is in it. */
  async written(): Promise<[name: string, content: Buffer][]> {
    const found: [string, Buffer][] = [];
    for (const folder of ['data', 's3', 'tmp'])
      for (const file of await readdir(this.at(folder), { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const path = join(file.parentPath, file.name);
        found.push([path, await readFile(path)]);
      }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.redis.disconnect();
    await this.#stack.disposeAsync();
  }

  async #startRedis(): Promise<void> {
    const { redisPassword, redisAdmin } = this.secrets;
    await mkdir(this.at('data'));
    const lines = [
      ...['port 0', `tls-port ${this.#redisPort}`, 'bind 127.0.0.1', 'tls-auth-clients yes'],
      ...[`tls-cert-file ${tls('server.pem')}`, `tls-key-file ${tls('server.key')}`],
      ...[`tls-ca-cert-file ${tls('ca.pem')}`, `unixsocket ${this.at('redis.sock')}`],
      ...[`dir ${this.at('data')}`, 'save ""', 'appendonly yes', 'maxmemory-policy noeviction'],
      `requirepass ${redisAdmin}`,
      `user longshore on >${redisPassword} ~bull:* &* +@all`,
    ];
    await writeFile(this.at('redis.conf'), `${lines.join('\n')}\n`, { mode: 0o600 });
    const server = new ServerProcess({
      command: await installedTool('redis-server'),
      args: [this.at('redis.conf')],
      isReady: async () => (await this.redis.ping()) === 'PONG',
    });
    this.#stack.defer(() => server.stop());
    await server.start();
  }

  async #startS3(): Promise<void> {
    const { accessKeyId, secretAccessKey } = this.secrets;
    await mkdir(this.at('s3'));
    const endpoint = `http://127.0.0.1:${this.#s3Port}`;
    const server = new ServerProcess({
      command: await builtTool('versitygw'),
      args: ['--port', `127.0.0.1:${this.#s3Port}`, '--quiet', 'posix', this.at('s3')],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
      isReady: async () => (await fetch(endpoint)).status === 403,
    });
    this.#stack.defer(() => server.kill());
    await server.start();
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: 'archives' }));
    client.destroy();
  }

  async #configure(volume: string, settings: object): Promise<void> {
    await mkdir(this.at('tmp'));
    for (const [name, value] of Object.entries(this.secrets))
      await writeFile(this.at(name), `${value}\n`, { mode: 0o600 });
    await writeFile(this.at('redis-password'), this.secrets.redisPassword, { mode: 0o600 });
    const config = {
      listen: `127.0.0.1:${this.port}`,
      redis: this.redisSettings(),
      volumes: { photos: volume },
      destinations: {
        good: this.#bucket('archives', ['accessKeyId', 'secretAccessKey']),
        'no-bucket': this.#bucket('absent', ['accessKeyId', 'secretAccessKey']),
        'wrong-secret': this.#bucket('archives', ['accessKeyId', 'wrongSecret']),
        'wrong-key': this.#bucket('archives', ['wrongKeyId', 'wrongSecret']),
      },
      auth: { tokensFile: this.at('tokens') },
      ...settings,
    };
    await writeFile(this.at('config.json'), JSON.stringify(config));
  }

  #bucket(name: string, [id, key]: [keyof Secrets, keyof Secrets]) {
    return {
      uri: `s3://${name}/exports`,
      endpoint: `http://127.0.0.1:${this.#s3Port}`,
      region: REGION,
      accessKeyIdFile: this.at(id),
      secretAccessKeyFile: this.at(key),
    };
  }
}
