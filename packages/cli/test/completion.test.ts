import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Longshore } from '../../../test/harness/longshore.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { program } from '../src/program.ts';

const MAIN = fileURLToPath(new URL('../bin/longshore.js', import.meta.url));

/** Asks bash itself, as it does when TAB is pressed: its words, its variables, its function. */
const ASK_BASH = `
source <(longshore completion bash)
# Only bash itself may call it, while it completes.
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
__longshore_complete
printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe('completion', () => {
  let temp: TempFolder;
  let path: string;

  before(async () => {
    temp = await tempFolder('completion');
    path = join(temp.path, 'bin');
    await mkdir(path);
    await writeFile(join(path, 'longshore'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    await chmod(join(path, 'longshore'), 0o755);
    await mkdir(join(temp.path, 'folder'));
  });
  after(() => temp[Symbol.asyncDispose]());

  async function bash(...words: string[]): Promise<string[]> {
    const env = {
      ...process.env,
      PATH: [path, process.env.PATH].join(delimiter),
      // Nothing listens on port 9 of the loopback interface.
      LONGSHORE_SERVER: 'http://127.0.0.1:9',
    };
    const args = ['--norc', '-c', ASK_BASH, 'bash', 'longshore', ...words];
    const { stdout, stderr } = await promisify(execFile)('bash', args, { env, cwd: temp.path });
    assert.equal(stderr, '');
    return stdout.split('\n').filter(Boolean);
  }

  it('gives bash commands, options and choices', async () => {
    assert.deepEqual(await bash('ex'), ['export']);
    assert.deepEqual(await bash('export', '/srv', '--f'), ['--format']);
    assert.deepEqual(await bash('export', '/srv', '--format', ''), ['tar.zst', 'tar.gz', 'tar']);
    assert.deepEqual(await bash('create', 'a', 'b', '--on-change', 'f'), ['fail']);
    assert.deepEqual(await bash('create', 'a', 'b', '--consistency', ''), ['Live', 'Snapshot', 'Clone']);
    assert.deepEqual(await bash('create', 'a', 'b', '--snap'), ['--snapshot-class']);
    assert.deepEqual(await bash('list', '--phase', 'S'), ['Suspended']);
    assert.deepEqual(await bash('completion', 'f'), ['fish']);
    assert.deepEqual(await bash('download', 'x', '--c'), ['--connections']);
    assert.deepEqual(await bash('token', '--name', 'x', '--role', ''), ['viewer', 'operator']);
  });

  it('gives bash every command that help shows, and none that it hides', async () => {
    const shown = program()
      .createHelp()
      .visibleCommands(program())
      .map((command) => command.name());
    assert.deepEqual((await bash('')).sort(), shown.sort());
  });

  it('leaves folders to bash', async () => {
    assert.deepEqual(await bash('export', './fol'), ['./folder']);
    assert.deepEqual(await bash('export', '/srv', '--to', 'fol'), ['folder']);
    assert.deepEqual(await bash('restore', '/srv/archive.tar', 'fol'), ['folder']);
  });

  it('is silent where it takes a server that isn’t there', async () => {
    assert.deepEqual(await bash('status', ''), []);
    assert.deepEqual(await bash('create', ''), []);
  });

  it('has a script for every shell that it names', async () => {
    for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
      const { stdout, exitCode } = await new Longshore(['completion', shell]).finished;
      assert.equal(exitCode, 0);
      assert.ok(stdout.includes('longshore complete'), shell);
    }
    const { exitCode, stderr } = await new Longshore(['completion', 'csh']).finished;
    assert.equal(exitCode, 2);
    assert.match(stderr, /csh.*zsh/);
  });
});
