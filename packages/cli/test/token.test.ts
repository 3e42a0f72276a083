import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Longshore } from '../../../test/harness/longshore.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('longshore token', () => {
  let temp: TempFolder;
  beforeEach(async () => {
    temp = await tempFolder('token');
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  const run = (...args: string[]) => new Longshore(['token', ...args]).finished;

  it('prints a token, and the line that lets it in', async () => {
    const { stdout, stderr, exitCode } = await run('--name', 'ci', '--role', 'operator');
    assert.equal(exitCode, 0, stderr);
    const [token, line, rest] = stdout.split('\n');
    assert.match(token, /^longshore_[\w-]{43}$/);
    assert.deepEqual(JSON.parse(line), { name: 'ci', role: 'operator', sha256: sha256(token) });
    assert.equal(rest, '');
    assert.match(stderr, /shown this once/);
  });

  it('prints another one every time, as JSON too', async () => {
    const [one, other] = await Promise.all([
      run('--name', 'a', '--role', 'viewer', '--json'),
      run('--name', 'a', '--role', 'viewer', '--json'),
    ]);
    const { token, entry } = JSON.parse(one.stdout);
    assert.equal(entry.sha256, sha256(token));
    assert.notEqual(token, JSON.parse(other.stdout).token);
  });

  it('appends to a token file that only its owner can read, and prints the token alone', async () => {
    const file = join(temp.path, 'tokens');
    const { stdout } = await run('--name', 'a', '--role', 'viewer', '--file', file);
    assert.match(stdout, /^longshore_\S+\n$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await writeFile(file, '# by hand, without a line end', { flag: 'a' });
    await run('--name', 'b', '--role', 'operator', '--file', file);
    const lines = (await readFile(file, 'utf8')).split('\n');
    assert.deepEqual([lines.length, lines[1], lines[3]], [4, '# by hand, without a line end', '']);
    assert.deepEqual([JSON.parse(lines[0]).name, JSON.parse(lines[2]).name], ['a', 'b']);
  });

  for (const [args, says] of [
    [['--role', 'viewer'], /--name/],
    [['--name', 'a'], /--role/],
    [['--name', 'a', '--role', 'king'], /king.*viewer, operator/],
    [['--name', 'a b', '--role', 'viewer'], /"a b" can't be used: it must be letters/],
    [
      ['--name', 'a', '--role', 'viewer', '--file', '/nowhere/tokens'],
      /\/nowhere\/tokens can't be written \(ENOENT\)/,
    ],
  ] as const)
    it(`refuses ${args.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await run(...args);
      assert.deepEqual([exitCode, stdout], [2, '']);
      assert.match(stderr, /^longshore: [^\n]+\n$/);
      assert.match(stderr, says);
    });
});
