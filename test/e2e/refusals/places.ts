import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AS_NOBODY, type Refusal, type Scene, SECRET, usage } from '../../harness/refusal.ts';

const existing = (name: string, key: string) =>
  usage(
    name,
    async ({ src, dest }) => {
      await mkdir(dest);
      await writeFile(join(dest, key), 'precious\n');
      return { args: ['export', src, '--to', dest, '--name', 'data'] };
    },
    new RegExp(`already holds ${key.replaceAll('.', '\\.')}.*--name`),
  );

const from = (src: (scene: Scene) => string | Promise<string>) => async (scene: Scene) => ({
  args: ['export', await src(scene), '--to', scene.dest],
});

export const SOURCES: readonly Refusal[] = [
  usage(
    'an empty SRC',
    from(() => ''),
    /^SRC is empty/,
  ),
  usage(
    'a SRC that is a file',
    from(({ src }) => join(src, 'folder/file')),
    /file is not a directory/,
  ),
  usage(
    'a SRC that is not there',
    from(({ src }) => `${src}-not`),
    /src-not doesn't exist/,
  ),
  usage(
    'a SRC below a file',
    from(({ src }) => join(src, 'folder/file/x')),
    /ENOTDIR.*give the directory/,
  ),
  usage(
    'a SRC that is a broken link',
    from(async ({ path }) => {
      await symlink('nowhere', join(path, 'link'));
      return join(path, 'link');
    }),
    /link is a link to nowhere, which doesn't exist/,
  ),
  usage(
    'a SRC that this user may not read',
    async ({ src, dest }) => {
      await chmod(src, 0o700);
      return { args: ['export', src, '--to', dest], prefix: AS_NOBODY };
    },
    /src can't be read \(EACCES\).*allow/,
  ),
];

const to = (dest: (scene: Scene) => string | Promise<string>) => async (scene: Scene) => ({
  args: ['export', scene.src, '--to', await dest(scene)],
});

async function linkTo(target: string, scene: Scene): Promise<string> {
  const link = join(scene.path, 'link');
  await symlink(target, link);
  return link;
}

const INSIDE = /is inside of .*src.*choose another/;
export const DESTINATIONS: readonly Refusal[] = [
  usage(
    'a DEST inside of SRC',
    to(({ src }) => join(src, 'archives')),
    INSIDE,
  ),
  usage(
    'a DEST that is SRC',
    to(({ src }) => src),
    INSIDE,
  ),
  usage(
    'a DEST inside of SRC as a URL',
    to(({ src }) => pathToFileURL(join(src, 'a b')).href),
    INSIDE,
  ),
  usage(
    'a DEST that leads into SRC through a link',
    to(async (scene) => join(await linkTo(join(scene.src, 'folder'), scene), 'archives')),
    INSIDE,
  ),
  usage(
    'a DEST in a SRC that is a link',
    async (scene) => ({
      args: ['export', await linkTo(scene.src, scene), '--to', join(scene.src, 'archives')],
    }),
    /is inside of .*link.*choose another/,
  ),
  existing('an archive that is there', 'data.tar.zst'),
  existing('an index that is there', 'data.index.sqlite'),
  existing('a manifest that is there', 'data.manifest.json'),
  usage(
    'an empty DEST',
    to(() => ''),
    /^--to is empty/,
  ),
  usage(
    'a DEST without a parent',
    to(({ dest }) => join(dest, 'below')),
    /dest doesn't exist; create it/,
  ),
  usage(
    'a DEST that is a file',
    to(async ({ dest }) => {
      await writeFile(dest, 'precious\n');
      return dest;
    }),
    /dest can't be used: it is a file/,
  ),
  usage(
    'a DEST below a file',
    to(async ({ dest }) => {
      await writeFile(dest, 'precious\n');
      return join(dest, 'below');
    }),
    /below can't be used: a file is in its path/,
  ),
  usage(
    'a DEST that is a broken link',
    to((scene) => linkTo('nowhere', scene)),
    /it is a link to something/,
  ),
  usage(
    'a DEST that this user may not write',
    async ({ src, dest }) => {
      await mkdir(dest, { mode: 0o755 });
      return { args: ['export', src, '--to', dest], prefix: AS_NOBODY };
    },
    /dest.*access denied; allow/,
  ),
  usage(
    'a DEST that this user may not make',
    async ({ src, dest }) => {
      await mkdir(dest, { mode: 0o755 });
      return { args: ['export', src, '--to', join(dest, 'below')], prefix: AS_NOBODY };
    },
    /below.*access denied; allow/,
  ),
  usage(
    'a scheme that is unknown',
    to(() => 'gs://bucket/prefix'),
    /gs:\/\/ isn't supported; give s3:/,
  ),
  usage(
    'no bucket',
    to(() => 's3://'),
    /"s3:\/\/".*write s3:\/\/BUCKET/,
  ),
  usage(
    'a key in the address',
    to(() => `s3://key:${SECRET}@bucket`),
    /AWS_SECRET_ACCESS_KEY/,
  ),
  usage(
    'a file URL with a host',
    to(() => 'file://host/archives'),
    /file:\/\/host\/archives.*give the directory/,
  ),
];
