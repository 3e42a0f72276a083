import assert from 'node:assert/strict';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';
import { type Applied, SECRET, type VolumeExport } from './installation.ts';
import { untilCompleted, untilPacked } from './storm.ts';

/** What a condition may take to say what is the matter. */
const SAID_MS = 30_000;
const EXPORT_MS = 400_000;

describe('what keeps an export from going on', function () {
  this.timeout(2 * EXPORT_MS);
  const namespace = 'trouble';
  const called = (name: string): Applied => ({ name, namespace });
  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);

  before(async () => {
    await installation().tenant(namespace);
    await installation().smallClaim(namespace);
  });

  it('is that its Secret is missing; it goes on when that is there', async () => {
    await kubectl('delete', 'secret', SECRET, `--namespace=${namespace}`);
    await installation().export(called('no-secret'), { claim: 'small' });
    await says(
      called('no-secret'),
      'Progressing',
      'SecretMissing',
      /Secret trouble\/archive-bucket isn't there/,
    );
    await installation().secret(namespace);
    await installation().untilPhase(called('no-secret'), 'Completed', EXPORT_MS);
  });

  it('is that there is no such bucket', async () => {
    await installation().secret(namespace, { bucket: 'nowhere' });
    await installation().export(called('no-bucket'), { claim: 'small' });
    await says(called('no-bucket'), 'Failed', 'NoSuchBucket', /there is no such bucket/);
    await installation().secret(namespace);
  });

  it('is that the keys are wrong', async () => {
    await installation().secret(namespace, { secretAccessKey: 'another' });
    await installation().export(called('bad-keys'), { claim: 'small' });
    await says(called('bad-keys'), 'Failed', 'BadCredentials', /the secret isn't the access key's/);
    await installation().secret(namespace);
  });

  it("is an endpoint that the producer doesn't contact", async () => {
    for (const endpoint of [
      'http://169.254.169.254',
      'http://localhost:9000',
      'http://longshore-redis.longshore.svc:6379',
    ]) {
      await installation().secret(namespace, { endpoint });
      const which = called(`endpoint-${new URL(endpoint).hostname.replaceAll('.', '-')}`);
      await installation().export(which, { claim: 'small' });
      await says(which, 'Failed', 'BadDestination', /in a network that the producer doesn't contact/);
    }
    await installation().secret(namespace);
  });

  it("is that the claim isn't there; it goes on when that is", async () => {
    await installation().export(called('no-claim'), { claim: 'later' });
    await says(called('no-claim'), 'Progressing', 'ClaimMissing', /claim trouble\/later isn't there/);
    await installation().claim({ name: 'later', namespace });
    await installation().untilPhase(called('no-claim'), 'Completed', EXPORT_MS);
  });

  it('is that the claim was deleted while it rested; what was packed counts when that is back', async () => {
    const which = called('rested');
    const suspend = (value: boolean) =>
      kubectl(
        ...['patch', 'vex/rested', `--namespace=${namespace}`, '--type=merge'],
        `--patch={"spec":{"suspend":${value}}}`,
      );
    const { volume } = await installation().slowClaim(namespace, { name: 'rested' });
    await installation().export(which, { claim: 'rested', workers: 2, level: 13 });
    await untilPacked(which, 1);
    await suspend(true);
    await installation().untilPhase(which, 'Suspended', EXPORT_MS);
    await kubectl('delete', 'persistentvolumeclaim/rested', `--namespace=${namespace}`);
    await kubectl('delete', 'persistentvolume', volume);
    await suspend(false);
    await says(which, 'Progressing', 'ClaimMissing', /^The claim isn't there, or isn't bound/);
    await installation().claim({ name: 'rested', namespace });
    const { packs, items } = await untilCompleted(which);
    assert.equal(packs, items);
  });

  it('is that no node takes its pods', async () => {
    const pod = { nodeSelector: { 'kubernetes.io/hostname': 'elsewhere' } };
    await installation().export(called('nowhere'), { claim: 'small', pod });
    await says(
      called('nowhere'),
      'Progressing',
      'Unschedulable',
      /didn't match Pod's node affinity\/selector/,
    );
    await installation().delete(called('nowhere'));
  });

  it('is a quota; it goes on when that is raised', async () => {
    await kubectl('create', 'quota', 'few', '--hard=pods=0', `--namespace=${namespace}`);
    await installation().export(called('quota'), { claim: 'small' });
    await says(called('quota'), 'Progressing', 'QuotaExceeded', /exceeded quota: few/);
    await kubectl('delete', 'quota', 'few', `--namespace=${namespace}`);
    await installation().untilPhase(called('quota'), 'Completed', EXPORT_MS);
  });

  it("is that the level of the namespace doesn't admit its pods", async () => {
    await installation().export(called('read-all'), { claim: 'small', pod: { readAll: true } });
    await says(called('read-all'), 'Progressing', 'PodRefused', /violates PodSecurity "restricted/);
    await installation().delete(called('read-all'));
  });

  it("is that the image can't be had; it goes on when it can", async () => {
    await installation().withoutImage(async () => {
      const pod = { imagePullSecrets: [{ name: 'registry' }] };
      await installation().export(called('no-image'), { claim: 'small', pod });
      await says(called('no-image'), 'Progressing', 'ImagePullFailed', /image of the workers can't be had/);
      const selector = '--selector=longshore.dev/export=no-image';
      const secrets = '--output=jsonpath={.items[0].spec.imagePullSecrets[*].name}';
      const named = await kubectl('get', 'pods', `--namespace=${namespace}`, selector, secrets);
      assert.equal(named, 'registry');
    });
    await installation().untilPhase(called('no-image'), 'Completed', EXPORT_MS);
  });

  it('is told by an Event as well', async () => {
    assert.ok((await installation().reasons(called('quota'))).includes('QuotaExceeded'));
  });

  async function says(which: Applied, type: string, reason: string, message: RegExp): Promise<void> {
    let seen: VolumeExport | undefined;
    const told = async () => {
      seen = await installation().get(which);
      const found = seen.status?.conditions?.find((condition) => condition.type === type);
      return found?.reason === reason && message.test(found.message);
    };
    const start = performance.now();
    try {
      await until(told, { what: `${which.name} is ${type} with reason ${reason}`, withinMs: SAID_MS });
    } catch (cause) {
      throw new Error(JSON.stringify(seen?.status?.conditions, undefined, 1), { cause });
    }
    console.log(`      ${reason} after ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  }
});
