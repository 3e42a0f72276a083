import { execFile, type SpawnOptions } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CliError } from '../error.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** A private Redis: reached through a socket in a folder that only this user can enter. */
export interface PrivateRedis extends AsyncDisposable {
  socket: string;
}

async function requireRedis(): Promise<void> {
  try {
    await promisify(execFile)('redis-server', ['--version']);
  } catch (cause) {
    const message =
      'redis-server is not installed: install it (Debian: apt-get install redis-server), or give --redis URL.';
    throw new CliError('MISSING_PROGRAM', message, { cause });
  }
}

/**
 * Starts a private redis-server in `folder`. Its append-only file makes it come back with its data where it's
 * killed. Clients connect to the socket with retries, so there is nothing to wait for here.
 */
export async function startPrivateRedis(
  folder: string,
  onGivenUp: (error: CliError) => void,
): Promise<PrivateRedis> {
  await requireRedis();
  const dir = join(folder, 'redis');
  await mkdir(dir, { mode: 0o700 });
  const socket = join(folder, 'redis.sock');
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir,
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    save: '',
    loglevel: 'warning',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const options: SpawnOptions = { stdio: ['ignore', 'ignore', 'pipe'], detached: true };
  const child = new SupervisedProcess({ file: 'redis-server', args, options }, (lastWords) =>
    onGivenUp(new CliError('REDIS_DIED', `The private Redis keeps ending: ${lastWords}`)),
  );
  return { socket, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
