import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, Longshore } from './longshore.ts';
import { processesLeft } from './processes-of.ts';
import { tempFolder } from './temp.ts';
import type { S3Server } from './versitygw.ts';

/** What runs for all calls. */
export interface Servers {
  s3: S3Server;
  /** The same buckets, behind a server that takes nothing. */
  readOnly: S3Server;
}

/** The folder of one refused call, in which nothing may be different when it has ended. */
export interface Scene extends Servers {
  path: string;
  /** A directory that can be exported. */
  src: string;
  /** Isn't there yet. */
  dest: string;
  /** TMPDIR of the call. */
  temp: string;
  /** What is to go when the call has ended. */
  cleaning: AsyncDisposableStack;
}

export interface Call {
  args: string[];
  env?: Record<string, string>;
  /** As `Longshore` takes it. */
  prefix?: readonly string[];
  /** Where nothing may be found afterwards. */
  contents?: () => Promise<string[]>;
}

export interface Refusal {
  name: string;
  /** Sets the scene, and gives the call. */
  call: (scene: Scene) => Call | Promise<Call>;
  exitCode: 1 | 2;
  /** What the one line on stderr says, behind `longshore: `. */
  says: RegExp;
}

/** A refusal by which the user learns that the call or the configuration has to be another. */
export function usage(name: string, call: Refusal['call'], says: RegExp): Refusal {
  return { name, call, says, exitCode: 2 };
}

/** A refusal of what may be possible later on. */
export function failure(name: string, call: Refusal['call'], says: RegExp): Refusal {
  return { name, call, says, exitCode: 1 };
}

/** `export SRC --to DEST`, with these options. */
export function withOptions(...options: string[]) {
  return ({ src, dest }: Scene) => ({ args: ['export', src, '--to', dest, ...options] });
}

/** Words that stand in credentials of these tests, and nowhere else. */
export const SECRET = 'nobody-may-see-this';

/** As an ordinary user, whom the kernel denies what it denies to others. */
export const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** Well above what any refusal waits for: a probe of a silent store takes 10 s. */
const PATIENCE_MS = 30_000;

/** Makes the call; asserts what it says, how it exits, and that it leaves nothing. */
export async function assertRefused({ call, exitCode, says }: Refusal, servers: Servers): Promise<void> {
  await using cleaning = new AsyncDisposableStack();
  const { path } = cleaning.use(await tempFolder('refusal'));
  const scene = { ...servers, ...(await setScene(path)), cleaning };
  const { args, env, prefix, contents } = await call(scene);
  const before = await everythingIn(scene.path);
  await using longshore = new Longshore(args, {
    env: { TMPDIR: scene.temp, ...env },
    cwd: scene.path,
    prefix,
  });
  const finished = await longshore.finished;
  assertOneLine(finished, says);
  assert.equal(finished.exitCode, exitCode, finished.stderr);
  assert.ok(finished.elapsed < PATIENCE_MS, `it took ${finished.elapsed} ms`);
  assert.deepEqual(await processesLeft(scene.temp, 0), []);
  assert.deepEqual(await everythingIn(scene.path), before);
  assert.deepEqual(await contents?.(), contents && []);
}

export function assertOneLine({ stdout, stderr }: Finished, says: RegExp): void {
  assert.match(stderr, /^longshore: [^\n]+\n$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
  assert.doesNotMatch(stderr.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/);
  assert.match(stderr.slice('longshore: '.length, -1), says);
  assert.doesNotMatch(stderr, /^ +at |\.ts:\d/m);
  assert.equal(stdout, '');
  assert.ok(!stderr.includes(SECRET), stderr);
}

async function setScene(path: string): Promise<Pick<Scene, 'path' | 'src' | 'dest' | 'temp'>> {
  const src = join(path, 'src');
  const temp = join(path, 'temp');
  await mkdir(join(src, 'folder'), { recursive: true });
  await writeFile(join(src, 'folder', 'file'), 'content\n');
  await mkdir(temp);
  for (const folder of [path, temp]) await chmod(folder, 0o777);
  return { path, src, temp, dest: join(path, 'dest') };
}

/** Every path below a folder, with what tells that something was done to it. */
async function everythingIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return Promise.all(names.sort().map((name) => describePath(folder, name)));
}

async function describePath(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const { size, mode, mtimeMs } = await lstat(path);
  const target = await readlink(path).catch(() => '');
  // A folder in which something was made and removed again has another mtime, and that's no harm.
  const written = (mode & 0o170000) === 0o040000 ? '' : `${size} ${mtimeMs}`;
  return `${name} ${mode.toString(8)} ${written} ${target}`;
}

/** Runs jobs in their order, at most `limit` at a time; gives a promise for each, which is to be awaited. */
export function inLanes(jobs: readonly (() => Promise<void>)[], limit: number): Promise<void>[] {
  const turns = jobs.map((job) => ({ job, ...Promise.withResolvers<void>() }));
  // A job may fail before anybody waits for it.
  for (const { promise } of turns) promise.catch(() => undefined);
  const queue = turns.values();
  const lane = async () => {
    for (const { job, resolve, reject } of queue) await job().then(resolve, reject);
  };
  for (let lanes = 0; lanes < limit; lanes++) void lane();
  return turns.map(({ promise }) => promise);
}
