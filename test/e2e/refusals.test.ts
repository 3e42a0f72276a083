import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Longshore, runExport } from '../harness/longshore.ts';
import { Published } from '../harness/published.ts';
import { AS_NOBODY, assertRefused, inLanes, type Refusal, SECRET } from '../harness/refusal.ts';
import { freePort } from '../harness/server.ts';
import { tempFolder } from '../harness/temp.ts';
import { startS3 } from '../harness/versitygw.ts';
import { BUCKETS } from './refusals/buckets.ts';
import { CALLS, NAMES } from './refusals/calls.ts';
import { ENVIRONMENT } from './refusals/environment.ts';
import { DESTINATIONS, SOURCES } from './refusals/places.ts';
import { REDIS } from './refusals/redis.ts';

/** How many calls run at a time: each keeps a core busy for half a second. */
const LANES = 3;

/** Those that wait for somebody come first, while others keep the cores busy. */
const REFUSALS: readonly Refusal[] = [
  ...BUCKETS,
  ...REDIS,
  ...ENVIRONMENT,
  ...SOURCES,
  ...DESTINATIONS,
  ...NAMES,
  ...CALLS,
];

describe('refused in one line that says what to do, and nothing is left:', () => {
  const servers = new AsyncDisposableStack();
  let runs: Promise<void>[] = [];

  before(async () => {
    const s3 = servers.use(await startS3());
    const readOnly = servers.use(await startS3({ dir: s3.dir, access: 'read-only' }));
    runs = inLanes(
      REFUSALS.map((refusal) => () => assertRefused(refusal, { s3, readOnly })),
      LANES,
    );
  });

  after(async () => {
    await Promise.allSettled(runs);
    await servers.disposeAsync();
  });

  for (const [number, { name }] of REFUSALS.entries()) {
    it(name, () => runs[number]).timeout(300_000);
  }
});

describe('LONGSHORE_DEBUG=1', () => {
  it('adds the stack, and no secret', async () => {
    await using temp = await tempFolder('debug');
    const src = join(temp.path, 'src');
    await mkdir(src);
    const redis = `redis://:${SECRET}@127.0.0.1:${await freePort()}`;
    await using longshore = new Longshore(
      ['export', src, '--to', join(temp.path, 'dest'), '--redis', redis],
      {
        env: { LONGSHORE_DEBUG: '1', TMPDIR: temp.path },
      },
    );
    const { stderr, exitCode } = await longshore.finished;
    assert.equal(exitCode, 1);
    assert.match(stderr, /^longshore: [^\n]+\nCliError: .*\n +at .+\.ts:\d+/);
    assert.match(stderr, /\nError: connect ECONNREFUSED/);
    assert.ok(!stderr.includes(SECRET));
  });
});

describe('a volume with a file and a directory that this user may not read', () => {
  it('is exported without their content, and exit code and manifest say so', async () => {
    await using temp = await tempFolder('unreadable');
    const src = join(temp.path, 'src');
    for (const folder of ['open', 'closed']) {
      await mkdir(join(src, folder), { recursive: true });
      await writeFile(join(src, folder, 'file'), 'content\n');
    }
    await writeFile(join(src, 'locked'), 'content\n', { mode: 0o600 });
    await chmod(join(src, 'closed'), 0o700);
    await chmod(temp.path, 0o777);
    const dest = join(temp.path, 'dest');
    const { exitCode, stderr } = await runExport(src, dest, {
      args: ['--name', 'data'],
      env: { TMPDIR: temp.path },
      prefix: AS_NOBODY,
    });
    assert.equal(stderr, '');
    assert.equal(exitCode, 3);
    using published = new Published(dest, { name: 'data', format: 'tar.zst' });
    assert.deepEqual(published.manifest.drift, {
      count: 2,
      first: [
        { path: 'closed', kind: 'unreadable' },
        { path: 'locked', kind: 'unreadable' },
      ],
    });
  });
});
