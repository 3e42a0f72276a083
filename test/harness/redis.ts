import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePort, ServerProcess } from './server.ts';
import { tempFolder } from './temp.ts';
import { installedTool } from './tools.ts';

/**
 * A real Redis as an operator should run it: `noeviction`, and an append-only file. It's on a Unix socket, and on a
 * port too where an address is given.
 */
export interface RedisServer extends AsyncDisposable {
  /** `unix:///…/redis.sock`, as ioredis takes it. */
  url: string;
  /** The same, as a path. */
  socket: string;
  /** `redis://ADDRESS:PORT`, without the password. */
  tcp?: string;
  /** Where the append-only file is. */
  dir: string;
  /** SIGKILL; `restart` brings it back with what its append-only file has. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Also removes the folder, unless it was given. */
  stop(): Promise<void>;
}

export async function startRedis(
  options: { dir?: string; password?: string; address?: string } = {},
): Promise<RedisServer> {
  const command = await installedTool('redis-server');
  // The socket's path may have at most 107 bytes (unix(7)), so it doesn't go into a folder that was given.
  const temp = await tempFolder('redis');
  const dir = options.dir ?? join(temp.path, 'data');
  await mkdir(dir, { recursive: true });
  const socket = join(temp.path, 'redis.sock');
  const { address, password } = options;
  const port = address === undefined ? undefined : await freePort(address);
  const server = new ServerProcess({
    command,
    args: [
      ...settings(socket, dir),
      ...(password ? ['--requirepass', password] : []),
      ...(address ? ['--port', String(port), '--bind', address, '--protected-mode', 'no'] : []),
    ],
    isReady: () => answersPing(socket),
  });
  const stop = async () => {
    await server.stop();
    await temp[Symbol.asyncDispose]();
  };
  try {
    await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `unix://${socket}`,
    socket,
    tcp: address && `redis://${address}:${port}`,
    dir,
    kill: () => server.kill(),
    restart: () => server.kill().then(() => server.start()),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function settings(socket: string, dir: string): string[] {
  const values = {
    port: '0',
    unixsocket: socket,
    dir,
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    save: '',
    daemonize: 'no',
  };
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}

/** While Redis reads its append-only file it answers `-LOADING`. */
async function answersPing(path: string): Promise<boolean> {
  const connection = createConnection({ path, timeout: 2_000 });
  connection.once('timeout', () => connection.destroy(new Error('no answer')));
  try {
    connection.write('PING\r\n');
    const [answer] = await once(connection, 'data');
    return /^(\+PONG|-NOAUTH)/.test(String(answer));
  } finally {
    connection.destroy();
  }
}
