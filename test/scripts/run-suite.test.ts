import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inLanes } from '../../scripts/test/lanes.ts';
import { type Failure, summary } from '../../scripts/test/outcome.ts';
import { type RunOptions, runSuite } from '../../scripts/test/run-suite.ts';
import { findSuites, mochaSuite, pickSuites } from '../../scripts/test/suites.ts';

const PASSING = `it('passes', () => {});`;

describe('a suite', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-suite-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a suite of one file, in silence. */
  async function outcomeOf(source: string, options?: RunOptions) {
    writeFileSync(join(folder, 'one.test.ts'), source);
    const { passed, failures } = await runSuite(mochaSuite('one', folder), { output: 'ignore', ...options });
    return { passed, failures: failures.map(({ code }) => code) };
  }

  it('counts what passes and what fails', async () => {
    const outcome = await outcomeOf(`${PASSING} it('fails', () => { throw new Error('no'); });`);
    assert.deepEqual(outcome, { passed: 1, failures: ['FAILED'] });
  });

  it('counts a test that is left out as failed', async () => {
    const outcome = await outcomeOf(`${PASSING} it.skip('is left out', () => {}); it('has no body');`);
    assert.deepEqual(outcome, { passed: 1, failures: ['FAILED', 'FAILED'] });
  });

  it('fails when its process dies', async () => {
    const outcome = await outcomeOf(`it('dies', () => { process.kill(process.pid, 'SIGKILL'); });`);
    assert.deepEqual(outcome, { passed: 0, failures: ['NO_REPORT'] });
  });

  it("fails when a file can't be loaded", async () => {
    const outcome = await outcomeOf(`import './missing.ts'; ${PASSING}`);
    assert.deepEqual(outcome, { passed: 0, failures: ['NO_REPORT'] });
  });

  it('is ended, and fails, when something keeps its process alive', async () => {
    const outcome = await outcomeOf(`${PASSING} setInterval(() => {}, 1_000);`, { endingMs: 300 });
    assert.deepEqual(outcome, { passed: 1, failures: ['HUNG'] });
  });

  it('is ended, and fails, when it takes too long', async () => {
    const source = `${PASSING} it('waits', function () { this.timeout(0); return new Promise(() => setInterval(() => {}, 1_000)); });`;
    const { passed, failures } = await outcomeOf(source, { suiteMs: 1_500, endingMs: 300 });
    assert.equal(passed, 1);
    assert.ok(failures.includes('TOO_LONG'), failures.join());
  });

  it('fails when it leaves a process, which is then killed', async () => {
    const leak = `import { spawn } from 'node:child_process';
      it('leaks', () => spawn('sleep', ['60'], { stdio: 'ignore' }).unref());`;
    const outcome = await outcomeOf(leak);
    assert.deepEqual(outcome, { passed: 1, failures: ['LEFT_PROCESSES'] });
  });
});

describe('the summary of a run', () => {
  it('names what failed in which suite, and ends with the counts', async () => {
    const failures: Failure[] = [{ code: 'FAILED', message: 'a volume is exported: 1 !== 2' }];
    const outcomes = { tape: { passed: 3, failures: [] }, e2e: { passed: 4, failures } };
    const lines = summary(new Map(Object.entries(outcomes))).split('\n');
    assert.deepEqual(lines, [
      '',
      'What failed:',
      '  e2e: a volume is exported: 1 !== 2',
      '',
      '7 passed, 1 failed',
    ]);
  });
});

describe('the suites', () => {
  it('begin with lint and types, and hold this one', () => {
    const names = findSuites().map(({ name }) => name);
    assert.deepEqual(names.slice(0, 2), ['lint', 'types']);
    assert.ok(names.includes('scripts'));
  });

  it('are picked by name, and a name that there is none of is told', () => {
    const { picked, unknown } = pickSuites(findSuites(), ['scripts', 'nowhere']);
    assert.deepEqual(
      picked.map(({ name }) => name),
      ['scripts'],
    );
    assert.deepEqual(unknown, ['nowhere']);
  });

  it('run in two lanes, of which one has all that bring up a cluster or a Docker daemon', () => {
    const [light, heavy] = inLanes(findSuites()).map((lane) => lane.map(({ name }) => name));
    assert.deepEqual(heavy, ['cluster', 'container', 'operator']);
    assert.ok(light.includes('lint') && light.includes('e2e'));
  });

  it('run in one lane where those that were picked are of one kind', () => {
    const { picked } = pickSuites(findSuites(), ['tape', 'store']);
    assert.deepEqual(inLanes(picked), [picked]);
  });
});
