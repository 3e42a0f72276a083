import type { SpawnOptions } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { CliError } from '../error.ts';
import { SupervisedProcess } from './supervised-process.ts';

/** A private Redis: reached through a socket in a folder that only this user can enter. */
export interface PrivateRedis extends AsyncDisposable {
  socket: string;
}

/** The longest path that a socket can have: `sun_path` of unix(7), which ends in a zero byte. */
const MAX_SOCKET_BYTES = 107;

/**
 * Starts a private redis-server in `folder`. Its append-only file makes it come back with its data where it's
 * killed. Clients connect to the socket with retries, so there is nothing to wait for here.
 */
export async function startPrivateRedis(
  folder: string,
  onGivenUp: (error: CliError) => void,
): Promise<PrivateRedis> {
  const dir = join(folder, 'redis');
  await mkdir(dir, { mode: 0o700 });
  const socket = join(folder, 'redis.sock');
  if (Buffer.byteLength(socket) > MAX_SOCKET_BYTES) throw pathTooLong(folder);
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
  // It says on stdout why it can't go on.
  const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], detached: true };
  // Nobody wants its data any more when it's to end, and SIGTERM is looked at only every 100 ms.
  const command = { file: 'redis-server', args, options, endSignal: 'SIGKILL' } as const;
  const child = new SupervisedProcess(command, (end) =>
    onGivenUp(end.kind === 'missing' ? notInstalled() : keepsEnding(end.lastWords)),
  );
  return { socket, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function notInstalled(): CliError {
  const message =
    'redis-server is not installed: install it (Debian: apt-get install redis-server), or give --redis URL.';
  return new CliError('MISSING_PROGRAM', message);
}

function keepsEnding(lastWords: string): CliError {
  const message = `The private redis-server ends whenever it is started: mend it, or give --redis URL (it said: ${lastWords || 'nothing'}).`;
  return new CliError('REDIS_DIED', message);
}

function pathTooLong(folder: string): CliError {
  const message = `The path of ${folder} is too long for a socket in it: set TMPDIR to a folder with a shorter path.`;
  return new CliError('BAD_TEMP', message);
}

/**
 * Rejects with SPOOL_FULL once a private Redis can't append to its file any more: it then refuses all that the
 * workers have to say, their failure included, and the export would never end.
 */
export async function expectRoom(redis: Redis): Promise<void> {
  if (!(await redis.info('persistence')).includes('aof_last_write_status:err')) return;
  const message =
    'The disk for intermediate files is full: make room there, or choose another by TMPDIR (the private Redis said so).';
  throw new CliError('SPOOL_FULL', message);
}
