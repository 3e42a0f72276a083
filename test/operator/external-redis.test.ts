import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from '../cluster/harness/until.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { installation } from './fixture.ts';

const MANIFESTS = join(import.meta.dirname, '../../k8s');
const PASSWORD = 'of-the-redis-outside';
const TEST_MS = 1_200_000;
const EXPORT_MS = 400_000;

describe('an installation that moves to a Redis outside of the cluster', function () {
  this.timeout(TEST_MS);
  let temp: TempFolder;
  let server: RedisServer;
  let redis: Redis;

  before(async () => {
    temp = await tempFolder('overlay');
    server = await startRedis({ address: installation().cluster.hostAddress, password: PASSWORD });
    redis = new Redis(server.socket, { password: PASSWORD });
  });
  after(async function () {
    this.timeout(TEST_MS);
    await installation().apply();
    redis?.disconnect();
    await server?.stop();
    await temp?.[Symbol.asyncDispose]();
  });

  /** The overlay as its comment says: with the address in its configuration. */
  async function overlay(): Promise<string> {
    const copy = join(temp.path, 'k8s');
    await cp(MANIFESTS, copy, { recursive: true });
    const config = join(copy, 'overlays/external-redis/config.yaml');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace('redis://redis.example.com:6379', server.tcp!));
    return join(copy, 'overlays/external-redis');
  }

  it('exports by that one, with a user of the export’s own, and leaves nothing in it', async () => {
    await installation().cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'longshore-redis', namespace: 'longshore' },
      stringData: { password: PASSWORD },
    });
    await installation().apply(await overlay());
    const which = { name: 'moved', namespace: 'outside' };
    await installation().tenant(which.namespace);
    await installation().smallClaim(which.namespace);
    await installation().export(which, { claim: 'small' });
    await installation().untilPhase(which, 'Completed', EXPORT_MS);
    await installation().untilFreed(which);
    assert.match(await redis.info('commandstats'), /cmdstat_acl\|setuser:calls=[1-9]/);
    assert.deepEqual(await redis.keys('bull:export-*'), []);
    await until(async () => String(await redis.acl('USERS')) === 'default', {
      what: 'no export has a user in Redis any more',
      withinMs: EXPORT_MS,
    });
  });
});
