import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const RELAY = fileURLToPath(new URL('../bin/relay.js', import.meta.url));

const children: ChildProcess[] = [];

/** Starts a program through the relay, in a process group of its own that is ended after the test. */
function relayed(program: string, ...args: string[]): ChildProcess {
  const code = `import { relay } from ${JSON.stringify(RELAY)};
    relay(${JSON.stringify(program)}, ${JSON.stringify(args)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  children.push(child);
  return child;
}

/** Ends what is left of a child's group: nothing (ESRCH), where the relay did its work. */
function endGroup({ pid }: ChildProcess) {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function ending(child: ChildProcess) {
  const [code, signal] = await once(child, 'exit');
  return { code, signal };
}

describe('the launcher', () => {
  afterEach(() => {
    for (const child of children.splice(0)) endGroup(child);
  });

  it('ends with the exit code of what it stands for', async () => {
    assert.deepEqual(await ending(relayed('sh', '-c', 'exit 3')), { code: 3, signal: null });
  });

  it('dies by the signal that what it stands for died by', async () => {
    assert.deepEqual(await ending(relayed('sh', '-c', 'kill -KILL $$')), { code: null, signal: 'SIGKILL' });
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`passes ${signal} on once, and waits for the end`, async () => {
      // Says when it listens, waits for the first signal, gives a second one time to come, and exits with how many.
      const name = signal.slice(3);
      const wait = 'until [ $n -gt 0 ]; do sleep 0.02; done; sleep 0.1';
      const child = relayed('sh', '-c', `n=0; trap 'n=$((n + 1))' ${name}; echo up; ${wait}; exit $n`);
      assert.ok(child.stdout);
      await once(child.stdout, 'data');
      child.kill(signal);
      assert.deepEqual(await ending(child), { code: 1, signal: null });
    });
  }

  it('says so when there is nothing to start', async () => {
    const child = relayed('/nowhere/node');
    assert.ok(child.stderr);
    const [said] = await once(child.stderr, 'data');
    assert.match(String(said), /^longshore can't start \/nowhere\/node: .+\n$/);
  });
});
