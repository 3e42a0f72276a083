import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** What a container image holds. */
export interface ImageSource {
  /** With a tag: `longshore.test/busybox:1`. A registry's name that there is none of, so that nobody asks one. */
  name: string;
  /** Paths in the image, and the files on this machine that are there. */
  files: Record<string, string>;
  /** Paths in the image, and what the symbolic links there point to. */
  links?: Record<string, string>;
  entrypoint?: readonly string[];
  environment?: Record<string, string>;
  user?: string;
}

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The same files give the same image. */
const REPRODUCIBLE = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];

/**
 * Writes an image of one layer as a file that `docker load` and `ctr images import` read (the docker-archive format:
 * manifest.json names the configuration and the layers, image-spec's config.md says what the configuration holds).
 */
export async function writeImage(source: ImageSource, path: string): Promise<string> {
  const scratch = await mkdtemp(`${path}.`);
  try {
    const layer = await writeLayer(source, scratch);
    const configuration = await writeConfiguration(source, { scratch, layer });
    const manifest = [{ Config: configuration, RepoTags: [source.name], Layers: ['layer.tar'] }];
    await writeFile(join(scratch, 'manifest.json'), JSON.stringify(manifest));
    await execa('tar', [
      '-cf',
      path,
      '-C',
      scratch,
      ...REPRODUCIBLE,
      'manifest.json',
      configuration,
      'layer.tar',
    ]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}

/** The layer's digest. */
async function writeLayer({ files, links = {} }: ImageSource, scratch: string): Promise<string> {
  const root = join(scratch, 'root');
  const place = async (path: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  for (const [path, from] of Object.entries(files)) await cp(from, await place(path), { dereference: true });
  for (const [path, to] of Object.entries(links)) await symlink(to, await place(path));
  const layer = join(scratch, 'layer.tar');
  await execa('tar', ['-cf', layer, '-C', root, ...REPRODUCIBLE, '.']);
  await rm(root, { recursive: true });
  return digestOf(layer);
}

/** The configuration's name in the archive, which is its digest. */
async function writeConfiguration(
  { entrypoint, environment = {}, user }: ImageSource,
  { scratch, layer }: { scratch: string; layer: string },
): Promise<string> {
  const configuration = {
    architecture: ARCHITECTURES[process.arch],
    os: 'linux',
    config: {
      Entrypoint: entrypoint,
      Env: Object.entries({ PATH: '/bin', ...environment }).map(([name, value]) => `${name}=${value}`),
      User: user,
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created_by: 'longshore' }],
  };
  const unnamed = join(scratch, 'configuration');
  await writeFile(unnamed, JSON.stringify(configuration));
  const name = `${await digestOf(unnamed)}.json`;
  await rename(unnamed, join(scratch, name));
  return name;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
