import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';

const EXPORT_MS = 400_000;
const ADMISSION = 'pod-security.kubernetes.io/enforce';

describe('the rights of a worker', function () {
  this.timeout(2 * EXPORT_MS);
  const namespace = 'rights';
  const which: Applied = { name: 'running', namespace };
  let id = '';

  const within = (...args: string[]) => installation().cluster.kubectl(`--namespace=${namespace}`, ...args);

  before(async () => {
    await installation().tenant(namespace);
    await installation().slowClaim(namespace);
    await installation().export(which, { claim: 'data', level: 19, workers: 1 });
    const { metadata } = await installation().untilPhase(which, 'Packing', EXPORT_MS);
    id = `x${metadata.uid.replaceAll('-', '')}`;
    await installation().redis('set', 'bull:export-victim:secret', 'others');
    await installation().redis('hset', 'bull:export-victim:job', 'name', 'pack');
  });

  after(async () => {
    await installation().redis('del', 'bull:export-victim:secret', 'bull:export-victim:job');
  });

  /** As a pod may. Redis' own refusal is what is given back. */
  const asWorker = (...command: string[]) => installation().redisAsWorkerOf(which, ...command);

  const REFUSED = /NOPERM|no permissions|can't access/i;

  for (const command of [
    ['get', 'bull:export-victim:secret'],
    ['set', 'bull:export-victim:secret', 'mine'],
    ['eval', "return redis.call('GET', KEYS[1])", '1', 'bull:export-victim:secret'],
    ['eval', "return redis.call('GET', 'bull:export-victim:secret')", '0'],
    ['keys', '*'],
    ['scan', '0'],
    ['randomkey'],
    ['flushall'],
    ['config', 'get', '*'],
    ['monitor'],
    ['acl', 'list'],
    ['client', 'list'],
    ['publish', 'bull:export-victim:events', 'x'],
    ['subscribe', 'bull:export-victim:events'],
  ])
    it(`don't reach to ${command.join(' ')}`, async () => assert.match(await asWorker(...command), REFUSED));

  it('reach to its own queue', async () => {
    assert.equal(await asWorker('set', `bull:export-${id}:mine`, 'x'), 'OK');
  });

  it("don't make it root, give it a capability, a token or a file system to write", async () => {
    const script =
      'id -u; grep CapEff /proc/self/status; ls /var/run/secrets/kubernetes.io 2>&1; touch /x /volume/x 2>&1; true';
    const pod = await within('get', 'pods', '--selector=longshore.dev/export=running', '--output=name');
    const said = await within('exec', pod.split('\n')[0], '--', 'sh', '-c', script);
    const [uid, capabilities, token, root, volume] = said.split('\n');
    assert.equal(uid, '10001');
    assert.match(capabilities, /CapEff:\s0{16}$/);
    assert.match(token, /No such file or directory/);
    for (const refusal of [root, volume]) assert.match(refusal, /Read-only file system/);
  });

  it("don't let it have the producer do what it may not: jobs of others that it names stay", async () => {
    await asWorker('sadd', `bull:export-${id}:${id}-finalize:dependencies`, 'bull:export-victim:job');
    await asWorker('hset', `bull:export-${id}:${id}-finalize:processed`, 'bull:export-victim:job', '1');
    await within('annotate', 'vex/running', 'longshore.dev/cancel=yes');
    await installation().untilPhase(which, 'Cancelled', EXPORT_MS);
    await installation().untilFreed(which);
    assert.equal(await installation().redis('hget', 'bull:export-victim:job', 'name'), 'pack');
    await installation().delete(which);
    assert.equal(await installation().redis('get', 'bull:export-victim:secret'), 'others');
    assert.deepEqual(await installation().leftInStore(), []);
  });
});

describe('files that nobody may read', function () {
  this.timeout(2 * EXPORT_MS);

  it('are named by the condition, and are in the archive with pod.readAll', async () => {
    await installation().namespace('private', { [ADMISSION]: 'privileged' });
    await installation().secret('private');
    const { folder } = await installation().smallClaim('private');
    await writeFile(join(folder, 'secret'), 'for root');
    await chmod(join(folder, 'secret'), 0);
    const [some, all] = ['some', 'all'].map((name): Applied => ({ name, namespace: 'private' }));
    await installation().export(some, { claim: 'small' });
    await installation().export(all, { claim: 'small', pod: { readAll: true } });
    const { status } = await installation().untilPhase(some, 'Completed', EXPORT_MS);
    const complete = status?.conditions?.find(({ type }) => type === 'Complete');
    assert.equal(complete?.reason, 'CompleteWithDrift');
    await installation().untilPhase(all, 'Completed', EXPORT_MS);
    const { stdout } = await execa('tar', ['--zstd', '-xOf', installation().archive(all), './secret']);
    assert.equal(stdout, 'for root');
  });
});
