import assert from 'node:assert/strict';
import { CliError } from '../src/error.ts';
import { EXIT, exitCodeOf } from '../src/exit-codes.ts';
import { program } from '../src/program.ts';

const parse = (...args: string[]) => program().parseAsync(args, { from: 'user' });
const EXPORT = ['export', '/nowhere', '--to', '/nowhere'];

describe('the command line', () => {
  const wrong: [call: string[], named: RegExp][] = [
    [['dance'], /dance/],
    [['--dance'], /--dance/],
    [['export'], /--to/],
    [['export', '/nowhere'], /--to/],
    [['export', '/nowhere', '/elsewhere', '--to', '/nowhere'], /argument/],
    [[...EXPORT, '--dance'], /--dance/],
    [[...EXPORT, '--format', 'zip'], /zip.*tar\.zst/],
    [[...EXPORT, '--on-change', 'cry'], /cry/],
    [[...EXPORT, '--level', 'high'], /high/],
    [[...EXPORT, '--level', ''], /--level/],
    [[...EXPORT, '--level', '1.5'], /1\.5/],
    [[...EXPORT, '--workers', '0'], /--workers/],
    [[...EXPORT, '--workers', '-1'], /--workers/],
    [[...EXPORT, '--threads', 'all'], /--threads/],
    [[...EXPORT, '--threads', '1e400'], /--threads/],
    [['work', '--grace', 'soon'], /--grace/],
    [['work', '--grace=-1'], /--grace/],
    [['work', '--lock', '0'], /--lock/],
    [['work', 'hard'], /argument/],
    [['serve', 'all'], /argument/],
    [['create', 'data'], /destination/],
    [['create', 'data', 'archives', '--format', 'zip'], /zip.*tar\.zst/],
    [['create', 'data', 'archives', '--idempotency-key', 'a b'], /--idempotency-key/],
    [['create', 'data', 'archives', '--consistency', 'Frozen'], /Frozen.*Live, Snapshot, Clone/],
    [['create', 'data', 'archives', '--snapshot-class', 'fast'], /--snapshot-class.*--consistency Snapshot/],
    [
      ['create', 'data', 'archives', '--consistency', 'Clone', '--snapshot-class', 'fast'],
      /--snapshot-class.*--consistency Snapshot/,
    ],
    [['list', '--phase', 'Happy'], /Happy.*Pending/],
    [['list', '--limit', '0'], /--limit/],
    [['status'], /id/],
    [['watch', 'a', 'b'], /argument/],
    [['cancel'], /id/],
    [['download'], /id/],
    [['download', 'a', '--connections', '0'], /--connections/],
    [['download', 'a', '--connections', '65'], /64/],
    [['cat', 'a'], /path/],
    [['ls', 'a', 'b', 'c'], /argument/],
    [['token'], /--name/],
    [['completion', 'csh'], /csh.*bash/],
  ];
  for (const [call, named] of wrong) {
    it(`is refused in one sentence that says why: longshore ${call.join(' ')}`, async () => {
      const refused = await parse(...call).catch((error: unknown) => error);
      assert.ok(refused instanceof CliError, String(refused));
      assert.equal(refused.code, 'USAGE');
      assert.match(refused.message, named);
      assert.match(refused.message, /^[^\n]+ --help\.$/);
    });
  }
});

describe('the help', () => {
  const commands = () => program().commands.filter((command) => command.name() !== 'complete');
  const flagsOf = (name: string) => {
    const command = commands().find((each) => each.name() === name);
    assert.ok(command, name);
    return command.options.map(({ long }) => long);
  };

  for (const command of commands()) {
    it(`of ${command.name()} says everything in the same manner`, () => {
      const help = command.createHelp();
      assert.match(command.description(), /^[a-z].*[^.]$/);
      for (const option of help.visibleOptions(command)) {
        assert.match(option.description, /^[A-Za-z].*[^.]$/, option.flags);
        assert.match(option.long ?? '', /^--[a-z]+(-[a-z]+)*$/);
        // Without a placeholder in the flag itself, help doesn't show that there is a value.
        assert.equal(/<[a-z:=>-]+>?$/.test(option.flags), option.required, option.flags);
      }
      for (const argument of command.registeredArguments)
        assert.ok(argument.description || command.name() === 'completion', argument.name());
    });
  }

  it('shows the same options for every command that asks a server', () => {
    for (const name of [
      'create',
      'list',
      'status',
      'watch',
      'cancel',
      'retry',
      'suspend',
      'resume',
      'delete',
      'links',
      'download',
      'ls',
    ])
      assert.deepEqual(flagsOf(name).slice(0, 4), ['--server', '--token', '--token-file', '--json'], name);
  });

  it('shows --json for every command that has a result', () => {
    const without = commands().filter((command) => !flagsOf(command.name()).includes('--json'));
    assert.deepEqual(
      without.map((command) => command.name()),
      ['serve', 'work', 'cat', 'completion', 'serve-volume'],
    );
  });
});

describe('the exit code', () => {
  it('is that of a wrong call for what the user can call otherwise', () => {
    assert.equal(exitCodeOf(new CliError('USAGE', 'No.')), EXIT.usage);
    assert.equal(exitCodeOf(new CliError('MISSING_PROGRAM', 'No.')), EXIT.usage);
  });

  it('is that of an interrupt for one', () => {
    assert.equal(exitCodeOf(new CliError('INTERRUPTED', 'Stopped.')), EXIT.interrupted);
  });

  it('is that of a failure for everything else', () => {
    for (const error of [new CliError('WORKERS_DIED', 'Oh.'), new Error('Oh.'), 'Oh.', undefined])
      assert.equal(exitCodeOf(error), EXIT.failed);
  });
});
