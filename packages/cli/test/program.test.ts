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
