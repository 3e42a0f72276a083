import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Claim } from '../cluster/harness/claim.ts';
import { until } from '../cluster/harness/until.ts';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeRandomTree, randomBytes, seededRandom } from '../fixtures/random-tree.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { ApiCaller } from './api-caller.ts';
import { installation } from './fixture.ts';

const MIB = 2 ** 20;

/** An archive is on its standard output; an error is told without it. */
const OUTPUT = { encoding: 'buffer', stripFinalNewline: false, maxBuffer: 200e6, reject: false } as const;

/** A pod on a busy machine. */
const START_MS = 400_000;

interface Answer {
  status: number;
  etag: string;
  length: number;
  /** Of a problem; empty where it's an archive. */
  code: string;
  body: Buffer;
  brokeOff: boolean;
}

interface Asked {
  headers?: Record<string, string>;
  account?: string;
  claim?: string;
  /** Reads so many bytes, then does this, and then reads on. */
  pause?: { bytes: number; act: () => Promise<void> };
}

/** What runs in the producer's pod: asks, says what is answered, and waits for a word where it's told to. */
const SCRIPT = `
  import { once } from 'node:events';
  const { url, headers, pauseAt } = JSON.parse(process.argv[1]);
  const answer = await fetch(url, { headers });
  const [status, etag] = [answer.status, answer.headers.get('etag')];
  process.stderr.write(JSON.stringify({ status, etag, length: Number(answer.headers.get('content-length')) }) + '\\n');
  let bytes = 0, paused = false;
  try {
    for await (const chunk of answer.body) {
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
      bytes += chunk.length;
      if (pauseAt === undefined || paused || bytes < pauseAt) continue;
      paused = true;
      process.stderr.write('paused\\n');
      await once(process.stdin, 'data');
    }
  } catch {
    process.stderr.write('broke off\\n');
  }
  process.stdin.destroy();`;

describe('a live volume of a cluster', function () {
  this.timeout(2 * START_MS);
  const namespace = 'live';
  const within = (...args: string[]) => installation().cluster.kubectl(`--namespace=${namespace}`, ...args);
  const callers = new Map<string, ApiCaller>();
  let temp: TempFolder;
  let claim: Claim;

  before(async () => {
    temp = await tempFolder('live-cluster');
    await installation().tenant(namespace);
    claim = await installation().claim({ name: 'data', namespace });
    makeRandomTree(claim.folder, { seed: 12, bytes: 40e6, files: 300 });
    await writeFile(join(claim.folder, 'z-last'), randomBytes(seededRandom(8), 40 * MIB));
    for (const [name, verbs] of [
      ['live-operator', 'create,list'],
      ['live-viewer', 'list'],
    ])
      callers.set(name, await ApiCaller.make({ name, namespace }, verbs));
    await endSoon();
  });
  after(() => temp[Symbol.asyncDispose]());

  /** Servers that nobody asks end after some seconds, and not after minutes. */
  async function endSoon(): Promise<void> {
    const longshore = (...args: string[]) => installation().cluster.kubectl('--namespace=longshore', ...args);
    const volume = '{.spec.template.spec.volumes[?(@.name=="config")].configMap.name}';
    const name = await longshore('get', 'deployment/longshore-producer', `--output=jsonpath=${volume}`);
    const config = await longshore('get', 'configmap', name, '--output=jsonpath={.data.config\\.yaml}');
    const patch = JSON.stringify({ data: { 'config.yaml': `${config}\nlive: {idle: 15s}\n` } });
    await longshore('patch', 'configmap', name, '--type=merge', `--patch=${patch}`);
    await longshore('rollout', 'restart', 'deployment/longshore-producer');
    await installation().rolledOut();
  }

  /** Asks from a producer's own pod, which has the port; again while the server is being started. */
  async function ask(asked: Asked = {}): Promise<Answer> {
    for (const deadline = Date.now() + START_MS; ; ) {
      const answer = await askOnce(asked);
      if (answer.code !== 'PLANNING' || Date.now() > deadline) return answer;
    }
  }

  async function askOnce({
    headers,
    account = 'live-operator',
    claim = 'data',
    pause,
  }: Asked): Promise<Answer> {
    const { kubectlPath, kubeconfig } = installation().cluster;
    const token = await callers.get(account)!.token();
    const url = `http://127.0.0.1:8080/v1/volumes/${claim}/archive.tar?namespace=${namespace}`;
    const request = { url, headers: { authorization: `Bearer ${token}`, ...headers }, pauseAt: pause?.bytes };
    const node = ['node', '--input-type=module', '--eval', SCRIPT, JSON.stringify(request)];
    const target = ['exec', '--stdin', '--namespace=longshore', 'deploy/longshore-producer', '--', ...node];
    const running = execa(kubectlPath, ['--kubeconfig', kubeconfig, ...target], OUTPUT);
    let said = '';
    running.stderr.on('data', async (text) => {
      const wasPaused = said.includes('paused');
      said += text;
      if (wasPaused || !said.includes('paused')) return;
      await pause?.act();
      running.stdin.end('go on\n');
    });
    const { stdout } = await running;
    if (!said.startsWith('{')) throw new Error(`asking failed: ${said}`);
    const body = Buffer.from(stdout);
    const isProblem = !said.includes('"status":20');
    const code = isProblem ? JSON.parse(body.toString()).code : '';
    return { ...JSON.parse(said.split('\n')[0]), body, code, brokeOff: said.includes('broke off') };
  }

  const objects = async () =>
    (
      await within(
        'get',
        'jobs,services,secrets,pods',
        '--selector=app.kubernetes.io/component=volume-server',
        '--output=name',
      )
    )
      .split('\n')
      .filter(Boolean)
      .map((name) => name.split('/')[0].split('.')[0]);

  let whole: Answer;

  it('comes whole, from a server beside it that is made for it', async () => {
    whole = await ask();
    assert.deepEqual(
      [whole.status, whole.brokeOff, whole.body.length],
      [200, false, whole.length],
      whole.code,
    );
    assert.deepEqual((await objects()).sort(), ['job', 'pod', 'secret', 'service']);
    const [archive, extracted] = ['archive.tar', 'extracted'].map((name) => join(temp.path, name));
    await writeFile(archive, whole.body);
    await mkdir(extracted);
    await execa('tar', ['--extract', '--same-permissions', '--file', archive, '--directory', extracted]);
    assert.deepEqual(compareTrees(claim.folder, extracted), []);
  });

  it('is for who may export it', async () => {
    assert.equal((await ask({ account: 'live-viewer' })).code, 'FORBIDDEN');
    assert.equal((await ask({ claim: 'unheard-of' })).code, 'NO_SUCH_VOLUME');
  });

  it('goes on as the same archive, after its server was lost', async () => {
    await within('delete', 'pod', '--selector=app.kubernetes.io/component=volume-server', '--wait=true');
    const range = `bytes=${50 * MIB}-`;
    const doubtful = await ask({ headers: { range } });
    assert.equal(doubtful.code, 'VOLUME_CHANGED');
    const rest = await ask({ headers: { range, 'if-match': whole.etag } });
    assert.equal(rest.status, 206, rest.code);
    assert.ok(rest.body.equals(whole.body.subarray(50 * MIB)), 'other bytes');
  });

  it('breaks off where a file changes before it was read', async () => {
    const act = () => appendFile(join(claim.folder, 'z-last'), 'more');
    const cut = await ask({ pause: { bytes: MIB, act } });
    assert.deepEqual([cut.status, cut.brokeOff], [200, true]);
    assert.ok(cut.body.length < cut.length);
    const again = await ask();
    assert.deepEqual([again.status, again.brokeOff], [200, false]);
    assert.notEqual(again.etag, whole.etag);
  });

  it('leaves nothing behind when nobody asks for it any more', async () => {
    await until(async () => (await objects()).length === 0, {
      what: 'its server is gone',
      withinMs: START_MS,
    });
  });
});
