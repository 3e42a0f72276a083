import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import {
  AS_NOBODY,
  failure,
  type Refusal,
  type Scene,
  SECRET,
  usage,
  withOptions,
} from '../../harness/refusal.ts';

const inEnvironment = (env: Record<string, string>) => (scene: Scene) => ({ ...withOptions()(scene), env });

export const ENVIRONMENT: readonly Refusal[] = [
  usage(
    'everything that is wrong in the environment at once',
    inEnvironment({
      LONGSHORE_DEBUG: 'yes',
      LONGSHORE_REDIS_URL: '',
      LONGSHORE_VOLUMES: '{"data":1,"more":2}',
      LONGSHORE_DESTINATIONS: SECRET,
      LONGSHORE_LOG_LEVEL: 'loud',
    }),
    /DEBUG must be 0 or 1; .*REDIS_URL must not .*VOLUMES must be.* LONGSHORE_DESTINATIONS must .*LOG_LEVEL must be one of trace,/,
  ),
  usage(
    'a TMPDIR that is not there',
    inEnvironment({ TMPDIR: '/nowhere' }),
    /\/nowhere doesn't exist.*TMPDIR/,
  ),
  usage(
    'a TMPDIR that this user may not write',
    (scene) => ({ ...withOptions()(scene), env: { TMPDIR: '/' }, prefix: AS_NOBODY }),
    /folder \/ can't be written.*TMPDIR/,
  ),
  usage(
    'a TMPDIR whose path is too long for a socket',
    async (scene) => {
      const temp = join(scene.temp, 'x'.repeat(90));
      await mkdir(temp);
      return { ...withOptions()(scene), env: { TMPDIR: temp } };
    },
    /too long for a socket.*TMPDIR/,
  ),
  usage('no redis-server', inEnvironment({ PATH: '/nowhere' }), /redis-server is not installed: install it/),
  failure(
    'a redis-server that does not start',
    async (scene) => {
      const program = join(scene.path, 'bin', 'redis-server');
      await mkdir(dirname(program));
      await writeFile(program, '#!/bin/sh\n[ "$1" = --version ] || { echo out of order; exit 1; }\n');
      await chmod(program, 0o755);
      const PATH = [dirname(program), process.env.PATH].join(delimiter);
      return { ...withOptions()(scene), env: { PATH } };
    },
    /redis-server ends whenever.*out of order/,
  ),
];
