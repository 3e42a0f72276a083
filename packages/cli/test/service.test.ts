import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExportStatus } from '@longshore/shared';
import { type Finished, Longshore } from '../../../test/harness/longshore.ts';
import { startRedis } from '../../../test/harness/redis.ts';
import { freePort, ServerProcess } from '../../../test/harness/server.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { installedTool } from '../../../test/harness/tools.ts';
import { RunningService, said, stop } from './running-service.ts';

const SECRET = 'hunter2-hunter2';
const tls = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url));

const json = ({ stdout }: Finished) => JSON.parse(stdout);

describe('longshore serve, work, and the commands that ask them', function () {
  this.timeout(300_000);

  it('export a volume, and tell of it, for people and for programs', async () => {
    await using redis = await startRedis({ password: SECRET });
    await using temp = await tempFolder('password');
    const passwordFile = join(temp.path, 'password');
    await writeFile(passwordFile, `${SECRET}\n`);
    await using service = await RunningService.prepare({ url: redis.socket, passwordFile });
    await writeFile(join(service.volume, 'file'), 'content');
    const [serve, work] = await Promise.all([service.serve(), service.work()]);
    const run = async (...args: string[]) => {
      const finished = await service.run(args).finished;
      assert.equal(finished.exitCode, 0, finished.stderr);
      return finished;
    };

    const created = await run(
      'create',
      'data',
      'archives',
      '--name',
      'one',
      '--format',
      'tar.gz',
      '--exclude',
      'x*',
    );
    const id = created.stdout.trim();
    const watched = await run('watch', id);
    assert.match(watched.stdout, new RegExp(`^id +${id}\nphase +Completed\n`));
    assert.match(watched.stdout, /^archive +one\.tar\.gz, /m);
    const status: ExportStatus = json(await run('status', id, '--json'));
    assert.deepEqual([status.phase, status.format, status.exclude], ['Completed', 'tar.gz', ['x*']]);
    assert.ok(readdirSync(service.archives).includes('one.tar.gz'));

    const again = [
      'create',
      'data',
      'archives',
      '--name',
      'two',
      '--idempotency-key',
      'k',
      '--watch',
      '--json',
    ];
    const [first, second] = await Promise.all([run(...again), run(...again)]);
    assert.equal(json(first).id, json(second).id);
    assert.deepEqual([json(first).phase, json(second).phase], ['Completed', 'Completed']);

    const { stdout: table } = await run('list');
    assert.match(table, /^ID +PHASE +PACKED .*NAME\n\w+ +Completed .*two\.tar\.zst\n\w+ .*one\.tar\.gz\n$/);
    const limited = await run('list', '--limit', '1');
    assert.match(limited.stderr, /There are more/);
    assert.deepEqual(
      [json(await run('list', '--limit', '1', '--json')).more, limited.stdout.split('\n').length],
      [true, 3],
    );
    assert.equal(json(await run('list', '--all', '--json')).exports.length, 2);
    assert.deepEqual(json(await run('list', '--phase', 'Failed', '--json')), { exports: [], more: false });

    const link = (await run('links', id)).stdout.trim();
    const archive = Buffer.from(await (await fetch(link)).arrayBuffer());
    assert.deepEqual(archive, await readFile(join(service.archives, 'one.tar.gz')));

    // Completion gives a slow answer up rather than keep a shell waiting.
    const completes = async (words: string[], line: string) => {
      while (!(await run('complete', '--', ...words, '')).stdout.split('\n').includes(line));
    };
    for (const command of ['links', 'download', 'ls', 'cat'])
      await completes([command], `${id}\tCompleted, data, one`);
    await completes(['create'], 'data\tvolume');
    await completes(['create', 'data'], 'archives\tdirectory');

    assert.equal((await run('delete', id)).stdout, `${id} deleted\n`);
    assert.deepEqual([await stop(serve), await stop(work)], [0, 143]);
    for (const { stderr } of [await serve.finished, await work.finished])
      assert.ok(!stderr.includes(SECRET), stderr);
  });

  it('refuse in one line, with what the server says, and exit with 2', async () => {
    await using redis = await startRedis();
    await using service = await RunningService.prepare(redis.socket);
    await service.serve();
    const refusals: [args: string[], says: RegExp][] = [
      [['status', 'xnowhere'], /"xnowhere"/],
      [['status', '../volumes'], /isn't an export's id/],
      [['create', 'data', 'nowhere'], /"nowhere".*archives/],
      [['create', 'nothing', 'archives'], /"nothing"/],
      [['create', 'data', 'archives', '--level', '77'], /77/],
      [['create', 'data', 'archives', '--exclude', '['], /\[/],
      [['create', 'data', 'archives', '--consistency', 'Clone'], /leave `consistency`/],
      [
        ['create', 'data', 'archives', '--consistency', 'Snapshot', '--snapshot-class', 'A'],
        /snapshotClass: "A"/,
      ],
      [['list', '--volume', 'a b'], /volume/],
    ];
    await Promise.all(
      refusals.map(async ([args, says]) => {
        const { exitCode, stdout, stderr } = await service.run(args).finished;
        assert.match(stderr, /^longshore: [^\n]+\n$/);
        assert.match(stderr, says);
        assert.deepEqual([exitCode, stdout], [2, ''], stderr);
      }),
    );
  });

  it('suspend, resume, cancel and retry an export, and watch to another end', async () => {
    await using redis = await startRedis();
    await using service = await RunningService.prepare(redis.socket);
    await writeFile(join(service.volume, 'file'), 'content');
    await service.serve();
    const run = (...args: string[]) => service.run(args).finished;
    const id = (await run('create', 'data', 'archives', '--name', 'one')).stdout.trim();
    // There is no worker: the export stays where it is put.
    const watching = service.run(['watch', id, '--json']);
    assert.equal((await run('suspend', id)).exitCode, 0);
    assert.equal((await run('resume', id, '--json')).exitCode, 0);
    assert.equal((await run('cancel', id)).exitCode, 0);
    const { exitCode, stderr, stdout } = await watching.finished;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /^longshore: The export \w+ was cancelled\.\n$/);
    assert.equal(JSON.parse(stdout).phase, 'Cancelled');
    assert.equal((await run('retry', id)).exitCode, 0);
    await service.work();
    assert.equal((await run('watch', id)).exitCode, 0);
  });

  it('watch on through a restart of the server, and stop watching when they are interrupted', async () => {
    await using redis = await startRedis();
    await using service = await RunningService.prepare(redis.socket);
    await writeFile(join(service.volume, 'file'), randomBytes(2 ** 20));
    const serve = await service.serve();
    const id = (await service.run(['create', 'data', 'archives']).finished).stdout.trim();
    const watching = service.run(['watch', id, '--json']);
    const interrupted = service.run(['watch', id, '--json']);
    await Promise.all([watching.progress(() => true), interrupted.progress(() => true)]);
    interrupted.kill('SIGINT');
    const { exitCode, stderr } = await interrupted.finished;
    assert.equal(exitCode, 130);
    assert.match(
      stderr,
      new RegExp(
        `^longshore: Interrupted by SIGINT; the export goes on, and .longshore watch ${id}.[^\n]+\n$`,
      ),
    );

    const away = said(watching, /\. Trying again\.\n/);
    serve.kill('SIGKILL');
    await away;
    await service.serve();
    await service.work();
    const finished = await watching.finished;
    assert.equal(finished.exitCode, 0, finished.stderr);
    assert.equal(JSON.parse(finished.stdout).phase, 'Completed');
  });

  it('exit with 1 where the export fails, and say why', async () => {
    await using redis = await startRedis();
    await using service = await RunningService.prepare(redis.socket, {
      volumes: { data: '/nowhere/at/all' },
    });
    await service.serve();
    await service.work();
    const { exitCode, stderr } = await service.run(['create', 'data', 'archives', '--watch', '--json'])
      .finished;
    assert.equal(exitCode, 1);
    assert.match(stderr, /^longshore: .*\/nowhere\/at\/all[^\n]*\n$/);
  });

  it('ask for the token, and are refused without, with another one, and with a viewer’s', async () => {
    await using redis = await startRedis();
    await using temp = await tempFolder('tokens');
    const tokensFile = join(temp.path, 'tokens');
    const tokenOf = async (name: string, role: string) => {
      const args = ['token', '--name', name, '--role', role, '--file', tokensFile];
      return (await new Longshore(args).finished).stdout.trim();
    };
    const viewer = await tokenOf('looker', 'viewer');
    const operator = await tokenOf('boss', 'operator');
    await using service = await RunningService.prepare(redis.socket, { auth: { tokensFile } });
    const serve = await service.serve();
    const as = (token: string, ...args: string[]) =>
      service.run(args, token ? { LONGSHORE_TOKEN: token } : {}).finished;
    assert.match((await as('', 'list')).stderr, /This needs a token.* LONGSHORE_TOKEN or --token-file/);
    assert.match((await as(`longshore_${SECRET}`, 'list')).stderr, /isn't known/);
    assert.match((await as(viewer, 'create', 'data', 'archives')).stderr, /looker is a viewer's/);
    assert.equal((await as(viewer, 'list')).exitCode, 0);
    assert.equal((await as(operator, 'create', 'data', 'archives')).exitCode, 0);
    assert.equal((await as('', 'list', '--token', viewer)).exitCode, 0);
    for (const finished of [await as('', 'list'), await as('wrong', 'list')])
      assert.equal(finished.exitCode, 2);
    await stop(serve);
    const { stderr } = await serve.finished;
    for (const secret of [viewer, operator, SECRET]) assert.ok(!stderr.includes(secret));
  });

  describe('stop', () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      it(`cleanly on ${signal}`, async () => {
        await using redis = await startRedis();
        await using service = await RunningService.prepare(redis.socket);
        const [serve, work] = await Promise.all([service.serve(), service.work()]);
        assert.equal(await stop(serve, signal), 0);
        assert.equal(await stop(work, signal), signal === 'SIGINT' ? 130 : 143);
        assert.match((await serve.finished).stderr, /"msg":"stopping"/);
        assert.deepEqual(readdirSync(service.at('spool')), []);
      });
  });

  for (const command of ['serve', 'work'])
    it(`wait for a Redis that isn’t there, and stop all the same: ${command}`, async () => {
      await using service = await RunningService.prepare('/nowhere/redis.sock');
      const waiting = service.run([command, '--config', service.file]);
      await said(waiting, /check that it runs there; waiting for it.*(listening on|"msg":"ready")/s);
      assert.equal(await stop(waiting), command === 'serve' ? 0 : 143);
    });

  describe('reach a Redis', () => {
    let temp: TempFolder;
    let port: number;
    let server: ServerProcess;
    const at = (name: string) => join(temp.path, name);

    beforeEach(async () => {
      temp = await tempFolder('redis-tls');
      port = await freePort();
      await writeFile(at('password'), SECRET);
    });
    afterEach(async () => {
      await server?.stop();
      await temp[Symbol.asyncDispose]();
    });

    async function startServer(args: string[], more: string[] = []): Promise<void> {
      const socket = at('redis.sock');
      const common = [
        '--dir',
        temp.path,
        '--save',
        '',
        '--maxmemory-policy',
        'noeviction',
        '--unixsocket',
        socket,
      ];
      server = new ServerProcess({
        command: await installedTool('redis-server'),
        args: [...args, ...common, '--requirepass', SECRET, ...more],
        isReady: async () => readdirSync(temp.path).includes('redis.sock'),
      });
      await server.start();
    }

    async function exportsThrough(redis: unknown): Promise<void> {
      await using service = await RunningService.prepare(redis);
      await Promise.all([service.serve(), service.work()]);
      const { exitCode, stderr } = await service.run(['create', 'data', 'archives', '--watch']).finished;
      assert.equal(exitCode, 0, stderr);
    }

    const overTls = () =>
      startServer([
        ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
        ...['--tls-cert-file', tls('server.pem'), '--tls-key-file', tls('server.key')],
      ]);

    it('over TLS, with an authority of its own', async () => {
      await overTls();
      const url = `rediss://localhost:${port}`;
      await exportsThrough({ url, passwordFile: at('password'), tls: { caFile: tls('ca.pem') } });
    });

    it('by its Sentinels', async () => {
      await startServer(['--port', String(port), '--bind', '127.0.0.1']);
      const sentinelPort = await freePort();
      const lines = [
        `port ${sentinelPort}`,
        'bind 127.0.0.1',
        `dir ${temp.path}`,
        `sentinel monitor main 127.0.0.1 ${port} 1`,
        `sentinel auth-pass main ${SECRET}`,
      ];
      await writeFile(at('sentinel.conf'), `${lines.join('\n')}\n`);
      const sentinel = new ServerProcess({
        command: await installedTool('redis-server'),
        args: [at('sentinel.conf'), '--sentinel'],
        isReady: () =>
          fetch(`http://127.0.0.1:${sentinelPort}`)
            .catch((error: Error) => !/ECONNREFUSED/.test(String(error.cause)))
            .then(Boolean),
      });
      await sentinel.start();
      try {
        await exportsThrough({
          sentinels: [`127.0.0.1:${sentinelPort}`],
          sentinelName: 'main',
          passwordFile: at('password'),
        });
      } finally {
        await sentinel.stop();
      }
    });

    for (const command of ['serve', 'work'])
      it(`and ${command} ends at once with 2 where that is in vain`, async () => {
        await overTls();
        const refusedWith = async (redis: object) => {
          await using service = await RunningService.prepare(redis);
          const { exitCode, stderr } = await service.run([command, '--config', service.file]).finished;
          assert.equal(exitCode, 2, stderr);
          assert.match(stderr, /^longshore: [^\n]+\n$/);
          assert.ok(!stderr.includes(SECRET));
          return stderr;
        };
        const url = `rediss://localhost:${port}`;
        assert.match(
          await refusedWith({ url, passwordFile: at('password') }),
          /its certificate is from an authority/,
        );
        const ca = { caFile: tls('ca.pem') };
        assert.match(await refusedWith({ url, tls: ca }), /check the user and the password .*NOAUTH/);
        await writeFile(at('wrong'), 'wrong');
        assert.match(await refusedWith({ url, tls: ca, passwordFile: at('wrong') }), /WRONGPASS/);
      });
  });

  describe('don’t start', () => {
    const refusals: [name: string, args: string[], says: RegExp][] = [
      ['without a Redis', ['serve'], /There is no Redis.*--redis/],
      [
        'without the file that is named',
        ['serve', '--config', '/nowhere.yaml'],
        /\/nowhere\.yaml isn't there/,
      ],
      [
        'without the file that is named',
        ['work', '--config', '/nowhere.yaml'],
        /\/nowhere\.yaml isn't there/,
      ],
      [
        'with a Redis of another kind',
        ['serve', '--redis', `http://u:${SECRET}@host`],
        /LONGSHORE_REDIS_URL isn't a Redis URL/,
      ],
      [
        'where others could reach them without a token',
        ['serve', '--redis', '/nowhere', '--listen', '0.0.0.0:0'],
        /token/,
      ],
      [
        'with an address that isn’t one',
        ['serve', '--redis', '/nowhere', '--listen', 'here'],
        /must be HOST:PORT/,
      ],
    ];
    for (const [name, args, saying] of refusals)
      it(`${args[0]}: ${name}`, async () => {
        const { exitCode, stdout, stderr } = await new Longshore(args, {
          env: { LONGSHORE_CONFIG: '/dev/null' },
        }).finished;
        assert.deepEqual([exitCode, stdout], [2, ''], stderr);
        assert.match(stderr, /^longshore: [^\n]+\n$/);
        assert.match(stderr, saying);
        assert.ok(!stderr.includes(SECRET));
      });
  });
});
