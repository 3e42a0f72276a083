import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { type GivenUp, SupervisedProcess } from '../src/embedded/supervised-process.ts';

const isRunning = (pid: number) => existsSync(`/proc/${pid}`);
const neverGivenUp = () => assert.fail('it was given up');

/** Asks until there's an answer; mocha's timeout is its patience. */
async function until<T>(ask: () => T | undefined | false): Promise<T> {
  for (;;) {
    const answer = ask();
    if (answer !== undefined && answer !== false) return answer;
    await delay(20);
  }
}

describe('a supervised process', () => {
  let temp: TempFolder;
  let journal: string;

  beforeEach(async () => {
    temp = await tempFolder('supervised');
    journal = join(temp.path, 'journal');
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  const shell = (script: string) => ({
    file: '/bin/sh',
    args: ['-c', script],
    options: { stdio: ['ignore', 'ignore', 'pipe'] as ('ignore' | 'pipe')[] },
  });
  const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []);
  /** Writes its pid down, and then does nothing for long. */
  const sleeper = (prelude = '') => shell(`${prelude} echo $$ >> ${journal}; exec sleep 1000`);

  it('is started again when it dies', async () => {
    await using child = new SupervisedProcess(sleeper(), neverGivenUp);
    for (const life of [1, 2, 3]) {
      const pid = Number(await until(() => lines()[life - 1]));
      assert.equal(child.pid, pid);
      process.kill(pid, 'SIGKILL');
    }
    await until(() => lines()[3]);
  });

  it('is ended when it is disposed of, and not started again', async () => {
    const child = new SupervisedProcess(sleeper(), neverGivenUp);
    const pid = Number(await until(() => lines()[0]));
    await child[Symbol.asyncDispose]();
    assert.ok(!isRunning(pid));
    await child[Symbol.asyncDispose]();
    assert.equal(lines().length, 1);
  });

  it('is killed where it doesn’t heed SIGTERM', async () => {
    const deaf = shell(`trap '' TERM; echo $$ >> ${journal}; while :; do sleep 0.05; done`);
    const child = new SupervisedProcess(deaf, neverGivenUp);
    const pid = Number(await until(() => lines()[0]));
    await child[Symbol.asyncDispose]();
    assert.ok(!isRunning(pid));
  });

  it('is given up, with its last words, where it keeps dying at once', async () => {
    const { promise: givenUp, resolve } = Promise.withResolvers<GivenUp>();
    const hopeless = shell(`echo life >> ${journal}; echo warming up >&2; echo no luck >&2; exit 1`);
    await using _ = new SupervisedProcess(hopeless, resolve);
    assert.deepEqual(await givenUp, { kind: 'dying', lastWords: 'no luck' });
    assert.equal(lines().length, 5);
  });

  it('is given up at once where there is no such program', async () => {
    const { promise: givenUp, resolve } = Promise.withResolvers<GivenUp>();
    const missing = { ...shell(''), file: join(temp.path, 'missing') };
    await using _ = new SupervisedProcess(missing, resolve);
    assert.equal((await givenUp).kind, 'missing');
  });
});
