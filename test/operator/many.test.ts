import assert from 'node:assert/strict';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';

const EXPORTS = 50;
const ALL_MS = 1_500_000;
const PRODUCER = 'system:serviceaccount:longshore:longshore-producer';

describe(`${EXPORTS} exports at once`, function () {
  this.timeout(2 * ALL_MS);
  const namespace = 'many';

  it('complete, and what they cost the producers is known', async () => {
    await installation().tenant(namespace);
    await installation().smallClaim(namespace);
    const start = Date.now();
    const names = Array.from({ length: EXPORTS }, (_, index) => `export-${index}`);
    await Promise.all(names.map((name) => installation().export({ name, namespace }, { claim: 'small' })));
    await until(async () => (await phases()).every((phase) => phase === 'Completed' || phase === 'Failed'), {
      what: 'all have ended',
      withinMs: ALL_MS,
    });
    assert.deepEqual(new Set(await phases()), new Set(['Completed']));
    const seconds = (Date.now() - start) / 1_000;
    const asked = await requestsSince(start);
    console.log(
      `      ${EXPORTS} exports in ${seconds.toFixed(0)} s; ${(asked / seconds).toFixed(0)} requests/s`,
    );
    console.log(`      producers' peak RSS: ${(await peaks()).join(', ')}`);
  });

  async function phases(): Promise<(string | undefined)[]> {
    return (await installation().list(namespace)).map(({ status }) => status?.phase);
  }

  async function requestsSince(start: number): Promise<number> {
    const log = await installation().cluster.auditLog();
    const ours = log.filter(({ user, stage }) => user.username === PRODUCER && stage === 'RequestReceived');
    return ours.filter(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp) >= start)
      .length;
  }

  async function peaks(): Promise<string[]> {
    const { cluster } = installation();
    const selector = '--selector=app.kubernetes.io/component=producer';
    const pods = await cluster.kubectl('get', 'pods', '--namespace=longshore', selector, '--output=name');
    const of = (pod: string) =>
      cluster.kubectl('exec', '--namespace=longshore', pod, '--', 'grep', 'VmHWM', '/proc/1/status');
    return Promise.all(pods.split('\n').map(async (pod) => (await of(pod)).replace(/\s+/g, ' ')));
  }
});
