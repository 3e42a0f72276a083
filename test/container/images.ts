import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { tempFolder } from '../harness/temp.ts';
import { builtTool } from '../harness/tools.ts';
import type { Daemon } from './daemon.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const IMAGE = 'longshore';

/** In what a build is told of npm's configuration; nothing of it may be in the image. */
export const PLANTED_TOKEN = 'npm-planted-token-of-the-container-suite';

const BASE = 'debian:bookworm-slim';
const STAND_INS = {
  node: 'node:26.10.0-bookworm-slim',
  redis: 'redis:7-bookworm',
  versitygw: 'versity/versitygw:v1.8.0',
} as const;

/** Builds the project's image as its Dockerfile says, on images made here of the same names as those that it names. */
export async function buildImages(daemon: Daemon): Promise<void> {
  await using temp = await tempFolder('images');
  await importBase(daemon);
  await buildStandIns(daemon, join(temp.path, 'context'));
  const secrets = await npmSecrets(temp.path);
  await daemon.docker(['build', '--network', 'host', ...secrets, '--tag', IMAGE, root]);
  // What older runs built stays in the build cache for a while.
  await daemon.docker(['builder', 'prune', '--force', '--keep-storage', '2GB']);
}

/** What set-up makes with debootstrap. */
export const baseArchive = async () => join(await cache(), 'debian-bookworm-1/base.tar');

/** Importing it again would give it another id, and every build on it would begin anew. */
async function importBase(daemon: Daemon): Promise<void> {
  const archive = await baseArchive();
  const { mtimeMs } = await stat(archive);
  const label = `longshore.made=${mtimeMs}`;
  const has = await daemon.docker(['images', '--quiet', '--filter', `label=${label}`, BASE]);
  if (has === '') await daemon.docker(['import', '--change', `LABEL ${label}`, archive, BASE]);
}

/** Those that aren't there yet, or were made in another way or of something else. */
async function buildStandIns(daemon: Daemon, context: string): Promise<void> {
  const made = `longshore.made=${await standInsKey()}`;
  for (const [target, tag] of Object.entries(STAND_INS)) {
    if ((await daemon.docker(['images', '--quiet', '--filter', `label=${made}`, tag])) !== '') continue;
    await gather(context);
    const what = ['--file', RECIPES, '--target', target, '--label', made, '--tag', tag];
    await daemon.docker(['build', '--network', 'host', ...what, context]);
  }
}

const RECIPES = join(root, 'test/container/stand-ins.Dockerfile');

/** What they are made of: the recipes, the base, and programs by their version. */
async function standInsKey(): Promise<string> {
  const base = await stat(await baseArchive());
  const parts = [
    await readFile(RECIPES, 'utf8'),
    base.mtimeMs,
    await builtTool('versitygw'),
    NPM,
    process.version,
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** As scripts/setup/images.mjs has it. */
const NPM = '11.21.2';

/** A build's context: the programs that set-up brought. */
async function gather(context: string): Promise<void> {
  const npm = join(await cache(), `npm-${NPM}`);
  await cp(npm, join(context, 'npm'), { recursive: true, verbatimSymlinks: true });
  await cp(join(root, 'node_modules/node/bin/node'), join(context, 'node'));
  await cp(await builtTool('versitygw'), join(context, 'versitygw'));
}

/** What this machine trusts, where npm has no setting of its own: Debian's ca-certificates. */
const SYSTEM_CA = '/etc/ssl/certs/ca-certificates.crt';

/** How this machine's npm reaches its registry, for the build alone; and a secret to be looked for in the image. */
async function npmSecrets(folder: string): Promise<string[]> {
  const [registry, userconfig, cafile] = await Promise.all(
    ['registry', 'userconfig', 'cafile'].map(npmSetting),
  );
  const own = await readFile(userconfig, 'utf8').catch(() => '');
  const npmrc = join(folder, 'npmrc');
  const lines = [own, `registry=${registry}`, `//registry.invalid/:_authToken=${PLANTED_TOKEN}`];
  await writeFile(npmrc, `${lines.join('\n')}\n`, { mode: 0o600 });
  const trusted = cafile === 'null' ? SYSTEM_CA : cafile;
  const ca = existsSync(trusted) ? ['--secret', `id=ca,src=${trusted}`] : [];
  return ['--secret', `id=npmrc,src=${npmrc}`, ...ca];
}

async function npmSetting(name: string): Promise<string> {
  const { stdout } = await execa('npm', ['config', 'get', name], { cwd: root });
  return stdout.trim();
}

const cache = async () => dirname(dirname(await builtTool('versitygw')));
