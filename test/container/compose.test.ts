import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExportStatus } from '@longshore/shared';
import { execa } from 'execa';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { runExport } from '../harness/longshore.ts';
import { tempFolder } from '../harness/temp.ts';
import { daemon } from './fixture.ts';
import { root } from './images.ts';

const SERVER = 'http://127.0.0.1:8080';
const WORKERS = 4;

const compose = (...args: string[]) => daemon().docker(['compose', ...args], { cwd: root });

/** A secret as the container that needs it reads it. */
const secretOf = (service: string, file: string) =>
  compose('exec', '-T', service, 'cat', `/run/secrets/${file}`);

describe('docker-compose.yml', function () {
  this.timeout(300_000);
  let token: string;

  /** What curl gets from the API, in the daemon's network. The token comes from a file of its own, not an argument. */
  async function curl(path: string, ...args: string[]): Promise<string> {
    await using temp = await tempFolder('curl');
    const headers = join(temp.path, 'headers');
    await writeFile(headers, `Authorization: Bearer ${token}\n`, {
      mode: 0o600,
    });
    return await daemon().inNetwork([
      'curl',
      '-sS',
      '--fail-with-body',
      '-H',
      `@${headers}`,
      ...args,
      `${SERVER}${path}`,
    ]);
  }

  const statusOf = async (id: string) => ExportStatus.parse(JSON.parse(await curl(`/v1/exports/${id}`)));

  before(async function () {
    this.timeout(300_000);
    await compose('up', '--detach', '--wait', '--no-build', '--scale', `worker=${WORKERS}`);
    token = (
      await compose('run', '--rm', '-T', '--entrypoint', 'cat', 'cli', '/run/secrets/operator/token')
    ).trim();
  });

  after(async function () {
    this.timeout(300_000);
    await compose('down', '--volumes', '--timeout', '5');
  });

  it('brings up a healthy producer, workers, a Redis that keeps its data, and no one as root that needn’t be', async () => {
    const health = await daemon().docker(['ps', '--format', '{{.Names}} {{.Status}}']);
    assert.match(health, /longshore-producer-1 Up .*\(healthy\)/);
    assert.equal(health.match(/longshore-worker-\d+ Up .*\(healthy\)/g)?.length, WORKERS);
    const ask = 'REDISCLI_AUTH=$(cat /run/secrets/redis/password) redis-cli --raw config get';
    const settings = await compose(
      'exec',
      '-T',
      'redis',
      'sh',
      '-c',
      `${ask} appendonly; ${ask} maxmemory-policy`,
    );
    assert.deepEqual(settings.split('\n'), ['appendonly', 'yes', 'maxmemory-policy', 'noeviction']);
    for (const service of ['producer', 'worker', 'redis'])
      assert.notEqual(await compose('exec', '-T', service, 'id', '-u'), '0', service);
  });

  it('confines every container', async () => {
    const ids = (await daemon().docker(['ps', '--all', '--quiet'])).split('\n');
    const format =
      '{{.Name}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}}';
    const all = (await daemon().docker(['inspect', '--format', format, ...ids])).split('\n');
    assert.ok(all.length >= 9);
    for (const each of all) assert.match(each, /^\S+ true \[ALL\] \[\] \[no-new-privileges:true\]$/);
  });

  it('listens on loopback only, and lets nobody in without a token', async () => {
    const ports = await daemon().docker(['ps', '--format', '{{.Ports}}']);
    const published = ports.match(/\S+->/g) ?? [];
    assert.deepEqual(published.sort(), ['127.0.0.1:7070->', '127.0.0.1:8080->']);
    const code = await daemon().inNetwork([
      'curl',
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `${SERVER}/v1/exports`,
    ]);
    assert.equal(code, '401');
  });

  it('keeps secrets out of the containers’ settings, command lines and logs', async () => {
    const secrets = [
      await secretOf('redis', 'redis/password'),
      await secretOf('s3', 's3/secret-access-key'),
      token,
    ].map((secret) => secret.trim());
    const ids = (await daemon().docker(['ps', '--all', '--quiet'])).split('\n');
    const seen = [
      await daemon().docker(['inspect', ...ids]),
      await compose('logs', '--no-color'),
      ...(await Promise.all(
        ids.map((id) =>
          daemon()
            .docker(['top', id, '-eo', 'pid,args'])
            .catch(() => ''),
        ),
      )),
    ].join('\n');
    for (const secret of secrets) {
      assert.ok(secret.length > 30);
      assert.ok(!seen.includes(secret));
    }
  });

  it('exports the sample volume over HTTP, with the same bytes as on the machine, and downloads it by its link', async () => {
    await using temp = await tempFolder('compose');
    const body = JSON.stringify({ volume: 'sample', destination: 'archive', name: 'from-compose' });
    const created = ExportStatus.parse(
      JSON.parse(await curl('/v1/exports', '-X', 'POST', '-H', 'Content-Type: application/json', '-d', body)),
    );
    // The stream ends when the export has.
    await curl(`/v1/exports/${created.id}/events`, '--max-time', '120', '-N');
    const { phase, result } = await statusOf(created.id);
    assert.equal(phase, 'Completed');
    const archive = join(temp.path, 'from-compose.tar.zst');
    await curl(`/v1/exports/${created.id}/archive`, '--location', '--output', archive);

    const volume = await daemon().docker([
      'volume',
      'inspect',
      'longshore_sample',
      '--format',
      '{{.Mountpoint}}',
    ]);
    const outside = await runExport(volume, join(temp.path, 'outside'), { args: ['--name', 'from-compose'] });
    assert.equal(outside.exitCode, 0, outside.stderr);
    assert.equal(
      await sha256OfFile(archive),
      await sha256OfFile(join(temp.path, 'outside/from-compose.tar.zst')),
    );
    assert.equal(result?.entries.count, outside.result?.entries.count);

    const copy = join(temp.path, 'copy');
    await mkdir(copy);
    await execa('tar', ['--zstd', '-xpf', archive, '-C', copy]);
    assert.deepEqual(compareTrees(volume, copy), []);
  });

  it('shows the queues’ page with what belongs to it', async () => {
    const page = await curl('/queues/');
    const [, script] = /<script [^>]*src="([^"]+\.js)"/.exec(page) ?? [];
    assert.ok(script, page);
    assert.ok((await curl(new URL(script, `${SERVER}/queues/`).pathname)).length > 10_000);
  });

  it('has the client commands at hand', async () => {
    const listed = await compose('run', '--rm', '-T', 'cli', 'list');
    assert.match(listed, /Completed .*from-compose/);
  });

  it('stops a worker within its grace period', async () => {
    const start = performance.now();
    await compose('stop', 'worker');
    assert.ok(performance.now() - start < 35_000);
    const codes = await daemon().docker(['inspect', '--format', '{{.State.ExitCode}}', 'longshore-worker-1']);
    assert.equal(codes, '143');
  });

  it('is brought down without a trace', async () => {
    await compose('down', '--volumes', '--timeout', '5');
    assert.equal(await daemon().docker(['ps', '--all', '--quiet']), '');
    assert.equal(await daemon().docker(['volume', 'ls', '--quiet']), '');
    const networks = await daemon().docker(['network', 'ls', '--format', '{{.Name}}']);
    assert.deepEqual(networks.split('\n').sort(), ['bridge', 'host', 'none']);
  });

  it('names the version of Longshore’s own Redis and S3 server that the tests use', async () => {
    const file = await readFile(join(root, 'docker-compose.yml'), 'utf8');
    assert.match(file, /image: versity\/versitygw:v1\.8\.0/);
  });
});
