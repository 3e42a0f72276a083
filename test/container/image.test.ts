import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeVolume } from '../../scripts/volume.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { runExport } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { CONFINED } from './confined.ts';
import { daemon } from './fixture.ts';
import { IMAGE, PLANTED_TOKEN, root } from './images.ts';

/** 74 MB of Debian, 150 MB of Node, 14 MB of Redis, 25 MB of Longshore, and what's compiled of it; more is a mistake. */
const MAX_BYTES = 290e6;

/** The user that the Dockerfile names. */
const UID = 10_001;

const lockedNode = async () =>
  JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages['node_modules/node'].version;

/** Runs a shell in the image, confined. */
const inside = (script: string) => daemon().docker([...CONFINED, '--entrypoint', 'sh', IMAGE, '-c', script]);

/** Looks for files in the image with root's eyes. */
const files = (test: string) =>
  daemon().docker([
    'run',
    '--rm',
    '--network',
    'none',
    '--user',
    '0:0',
    '--entrypoint',
    'sh',
    IMAGE,
    '-c',
    `find / -xdev ${test}`,
  ]);

describe('the image', function () {
  this.timeout(300_000);

  it('is small', async () => {
    const bytes = Number(await daemon().docker(['image', 'inspect', IMAGE, '--format', '{{.Size}}']));
    console.log(`      ${(bytes / 1e6).toFixed(0)} MB`);
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
  });

  it('has the Node that package-lock.json pins, once', async () => {
    assert.equal(await inside('node --version'), `v${await lockedNode()}`);
    assert.equal(await files('-name node -type f -size +1M'), '/usr/local/bin/node');
  });

  it('has nothing to build with, and no package manager of Node’s', async () => {
    const tools = ['gcc', 'cc', 'g++', 'make', 'python3', 'npm', 'npx', 'yarn', 'git', 'curl', 'wget', 'tsc'];
    const found = await inside(`for tool in ${tools.join(' ')}; do command -v $tool || true; done`);
    assert.equal(found, '');
  });

  it('has the built program and nothing else of the checkout', async () => {
    const found = (await inside('ls -A /opt/longshore')).split('\n');
    assert.deepEqual(
      found.filter((name) => !name.endsWith('-thread.js')),
      [
        ...['LICENSE', 'LICENSES.txt', 'bin', 'compile-cache', 'container', 'longshore.js'],
        ...['modules', 'node_modules', 'package.json'],
      ],
    );
  });

  it('runs as a user by number that isn’t root and owns nothing, without capabilities or the way to get any', async () => {
    const user = await daemon().docker(['image', 'inspect', IMAGE, '--format', '{{.Config.User}}']);
    assert.equal(user, `${UID}:${UID}`);
    const status = await inside('id -u; id -g; grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status');
    assert.deepEqual(status.split(/\s+/), [
      ...[
        `${UID}`,
        `${UID}`,
        'CapEff:',
        '0000000000000000',
        'CapBnd:',
        '0000000000000000',
        'NoNewPrivs:',
        '1',
      ],
    ]);
    assert.equal(await files(`-user ${UID}`), '');
    assert.equal(await files('-path "/opt/*" -perm /6022 -not -type l'), '');
  });

  for (const user of [UID, 0])
    it(`has what user ${user} runs compiled beforehand`, async () => {
      const as = ['--user', `${user}:${user}`, '--env', 'NODE_DEBUG_NATIVE=COMPILE_CACHE'];
      const script =
        'longshore export /opt/longshore/container --to /tmp/archives 2>&1 | grep "reading cache"';
      const read = await daemon().docker([...CONFINED, ...as, '--entrypoint', 'sh', IMAGE, '-c', script]);
      const missed = read.split('\n').filter((line) => !line.includes('success'));
      assert.deepEqual(missed, []);
    });

  it('keeps nothing of how npm reached its registry', async () => {
    const history = await daemon().docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', IMAGE]);
    assert.doesNotMatch(history, /_authToken|BEGIN CERTIFICATE|registry=/);
    // Every layer, whether a later one hides the file or not; and that the search finds what is there.
    const search = `docker save ${IMAGE} | { grep --text --only-matching --fixed-strings -e ${PLANTED_TOKEN} -e '"#render-thread"' || true; }`;
    const found = new Set((await daemon().shell(search)).split('\n'));
    assert.deepEqual([...found], ['"#render-thread"']);
  });

  it('says what it is', async () => {
    const labels = JSON.parse(
      await daemon().docker(['image', 'inspect', IMAGE, '--format', '{{json .Config.Labels}}']),
    );
    const { version } = JSON.parse(await readFile(join(root, 'packages/cli/package.json'), 'utf8'));
    assert.equal(labels['org.opencontainers.image.title'], 'Longshore');
    assert.equal(labels['org.opencontainers.image.version'], version);
    assert.equal(await daemon().docker([...CONFINED, IMAGE, '--version']), version);
  });

  it('takes a server that doesn’t answer for unhealthy, and a worker for healthy', async () => {
    const check = 'node /opt/longshore/container/healthcheck.js; echo $?';
    const as = (command: string) =>
      daemon().docker([...CONFINED, '--entrypoint', 'sh', IMAGE, '-c', check, command]);
    assert.equal(await as('serve'), '1');
    assert.equal(await as('work'), '0');
  });

  it('refuses to serve the network without tokens', async () => {
    const refused = daemon().docker([...CONFINED, IMAGE, 'serve', '--redis', 'redis://127.0.0.1:1']);
    await assert.rejects(refused, { exitCode: 2, stderr: /token/ });
  });

  describe('exports', () => {
    let temp: TempFolder;
    let volume: string;

    before(async () => {
      temp = await tempFolder('container');
      volume = join(temp.path, 'volume');
      const sources = [join(root, 'node_modules')];
      await makeVolume({
        path: volume,
        sources,
        bytes: 30e6,
        linkEvery: 20,
        signal: AbortSignal.timeout(300_000),
      });
      // Another user than the container's made it, perhaps with a strict umask.
      await chmod(temp.path, 0o755);
      await daemon().shell(`chmod -R a+rX ${volume}`);
    });
    after(() => temp[Symbol.asyncDispose]());

    it('a mounted volume, read-only and confined, with the same bytes as outside', async () => {
      const out = join(temp.path, 'out');
      await mkdir(out);
      await chown(out, UID, UID);
      const mounts = ['--volume', `${volume}:/volume:ro`, '--volume', `${out}:/out`];
      const call = ['export', '/volume', '--to', '/out', '--name', 'data', '--quiet'];
      await daemon().docker([...CONFINED, ...mounts, IMAGE, ...call]);
      const outside = join(temp.path, 'outside');
      const { exitCode, stderr } = await runExport(volume, outside, { args: ['--name', 'data'] });
      assert.equal(exitCode, 0, stderr);
      const digest = await sha256OfFile(join(out, 'data.tar.zst'));
      assert.equal(digest, await sha256OfFile(join(outside, 'data.tar.zst')));
    });

    it('what its user may not read as missing, and everything as root with the one capability for that', async () => {
      const secret = join(temp.path, 'secret');
      await mkdir(secret, { mode: 0o755 });
      await writeFile(join(secret, 'open'), 'open');
      await writeFile(join(secret, 'closed'), 'closed');
      await chown(join(secret, 'closed'), 1_234, 1_234);
      await chmod(join(secret, 'closed'), 0o000);
      const call = [
        '--volume',
        `${secret}:/volume:ro`,
        IMAGE,
        'export',
        '/volume',
        '--to',
        '/tmp/out',
        '--json',
      ];
      await assert.rejects(daemon().docker([...CONFINED, ...call]), { exitCode: 3 });
      const able = [...CONFINED, '--user', '0:0', '--cap-add', 'DAC_READ_SEARCH', ...call];
      assert.equal(JSON.parse(await daemon().docker(able)).drift.count, 0);
    });

    it('keeps what it compiles for any other user in the home folder', async () => {
      const as = ['--user', '54321:54321', '--entrypoint', 'sh', IMAGE, '-c'];
      const script = 'longshore --version >/dev/null && ls /tmp/.cache/longshore/compile-cache';
      assert.match(await daemon().docker([...CONFINED, ...as, script]), /-54321$/);
    });

    it('as any other user too', async () => {
      const out = join(temp.path, 'other');
      await mkdir(out);
      await chown(out, 54_321, 54_321);
      const mounts = ['--user', '54321:54321', '--volume', `${volume}:/volume:ro`, '--volume', `${out}:/out`];
      const call = ['export', '/volume', '--to', '/out', '--name', 'data', '--format', 'tar', '--quiet'];
      await daemon().docker([...CONFINED, ...mounts, IMAGE, ...call]);
      await assert.doesNotReject(readFile(join(out, 'data.manifest.json')));
    });
  });
});
