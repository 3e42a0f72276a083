import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeAbandoned } from './harness/state-folder.ts';
import { NO_TRACES, survivorsOf, type Traces, tracesOf } from './harness/traces.ts';
import { until } from './harness/until.ts';

const PROGRAM = fileURLToPath(new URL('../../scripts/cluster.ts', import.meta.url));
const UP_MS = 240_000;
const GONE_MS = 30_000;

describe('npm run cluster', function () {
  this.timeout(UP_MS + GONE_MS);

  it('stops on Ctrl-C, and leaves nothing', async () => {
    const { program, folder, traces } = await running();
    program.kill('SIGINT');
    assert.deepEqual(await once(program, 'exit'), [0, null]);
    assert.deepEqual(await tracesOf(folder), NO_TRACES);
    assert.deepEqual(await survivorsOf(traces), []);
  });

  it('stops on Ctrl-C while it is starting', async () => {
    const program = start();
    let folder: string | undefined;
    await until(
      async () => {
        folder = await folderOf(program);
        return folder !== undefined && (await tracesOf(folder)).links.length > 0;
      },
      { what: 'its machines have a network', withinMs: UP_MS },
    );
    program.kill('SIGINT');
    assert.deepEqual(await once(program, 'exit'), [0, null]);
    assert.deepEqual(await tracesOf(folder!), NO_TRACES);
  });

  it('leaves a folder and cgroups when it is killed, and the next start removes them', async () => {
    const { program, folder, traces } = await running();
    program.kill('SIGKILL');
    await once(program, 'exit');
    // A namespace's links go a moment after its last process.
    const gone = async () => (await survivorsOf(traces)).length + (await tracesOf(folder)).links.length === 0;
    await until(gone, { what: 'the kernel has taken all machines away', withinMs: GONE_MS });
    const { remains, ...others } = await tracesOf(folder);
    assert.deepEqual({ ...others, remains: [] }, NO_TRACES);
    assert.ok(remains.length > 1, 'a folder and cgroups');
    assert.ok((await removeAbandoned()).includes(folder));
    assert.deepEqual(await tracesOf(folder), NO_TRACES);
  });
});

const start = () =>
  spawn(process.execPath, [PROGRAM, '--nodes', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });

/** A cluster's folder has its process's pid in its name. */
async function folderOf({ pid }: ChildProcess): Promise<string | undefined> {
  const name = (await readdir(tmpdir())).find((each) => each.startsWith(`longshore-cluster-${pid}-`));
  return name && join(tmpdir(), name);
}

/** One node, which is ready. */
async function running(): Promise<{ program: ChildProcess; folder: string; traces: Traces }> {
  const program = start();
  await access(await firstMatch(program, /export KUBECONFIG=(?<found>\S+)/));
  const folder = (await folderOf(program))!;
  const traces = await tracesOf(folder);
  assert.ok(traces.processes.length > 5 && traces.links.length === 1);
  return { program, folder, traces };
}

async function firstMatch({ stdout }: ChildProcess, pattern: RegExp): Promise<string> {
  let said = '';
  for await (const text of stdout!.iterator({ destroyOnReturn: false })) {
    said += String(text);
    const found = pattern.exec(said)?.groups?.found;
    if (found) return found;
  }
  throw new Error(`it ended without saying ${pattern}: ${said}`);
}
