import assert from 'node:assert/strict';
import { TapeError } from '../src/error.ts';
import { compileExcludes } from '../src/exclude.ts';

/** Which of `paths` the pattern leaves out; a trailing slash marks a directory. */
function excluded(pattern: string, paths: readonly string[]): string[] {
  const exclude = compileExcludes([pattern]);
  return paths.filter((path) => exclude(Buffer.from(path.replace(/\/$/, '')), path.endsWith('/')));
}

describe('compileExcludes', () => {
  it('matches the whole path below the root', () => {
    const paths = ['a.log', '.log', 'deep/a.log', 'a.log.gz', 'A.LOG'];
    assert.deepEqual(excluded('*.log', paths), ['a.log', '.log']);
    assert.deepEqual(excluded('**/*.log', paths), ['a.log', '.log', 'deep/a.log']);
    assert.deepEqual(excluded('deep/a.log', paths), ['deep/a.log']);
    assert.deepEqual(excluded('./deep/a.log', paths), ['deep/a.log']);
  });

  it('matches hidden names, braces, classes and extended globs', () => {
    assert.deepEqual(excluded('**/.cache', ['.cache/', 'a/.cache/', 'cache/']), ['.cache/', 'a/.cache/']);
    assert.deepEqual(excluded('{a,b}/[0-9]', ['a/1', 'b/2', 'c/3', 'a/x']), ['a/1', 'b/2']);
    assert.deepEqual(excluded('!(keep)', ['keep', 'drop']), ['drop']);
    assert.deepEqual(excluded('\\!important', ['!important', 'important']), ['!important']);
    assert.deepEqual(excluded('a\\{b', ['a{b']), ['a{b']);
  });

  it('takes a pattern with a trailing slash for directories only', () => {
    assert.deepEqual(excluded('**/build/', ['build/', 'x/build/', 'y/build']), ['build/', 'x/build/']);
    assert.deepEqual(excluded('**/build', ['build/', 'y/build']), ['build/', 'y/build']);
  });

  it('leaves out a directory itself by all that is in it', () => {
    assert.deepEqual(excluded('cache/**', ['cache/', 'cache/x', 'cached']), ['cache/', 'cache/x']);
    assert.deepEqual(excluded('cache/*', ['cache/', 'cache/x']), ['cache/x']);
  });

  it('sees past newlines in names', () => {
    assert.deepEqual(excluded('**/x', ['a\nb/x']), ['a\nb/x']);
  });

  it('reads names that are not UTF-8 as Latin-1', () => {
    const exclude = compileExcludes(['caf\u00e9', '*.tmp']);
    assert.equal(exclude(Buffer.from('caf\xe9', 'latin1'), false), true);
    assert.equal(exclude(Buffer.from('caf\u00e9'), false), true);
    assert.equal(exclude(Buffer.from('\xff\xfe.tmp', 'latin1'), false), true);
    assert.equal(exclude(Buffer.from('\xff\xfe', 'latin1'), false), false);
  });

  it('excludes nothing without patterns', () => {
    assert.equal(compileExcludes([])(Buffer.from('a'), false), false);
  });

  const wrong = ['', ' ', '/', '/abs', '..', 'a/../b', '../a', '.', './', 'a//b', 'a/./b', '!a'];
  const malformed = ['a{b', 'a[', 'a(', 'a)', 'a]', '\\', 'a\\', '[z-a]', '[[:nope:]]'];
  for (const pattern of [...wrong, ...malformed]) {
    it(`refuses ${JSON.stringify(pattern)}, and says what to write instead`, () => {
      assert.throws(
        () => compileExcludes(['fine', pattern]),
        (error) =>
          error instanceof TapeError &&
          error.code === 'BAD_EXCLUDE' &&
          error.message.includes(JSON.stringify(pattern)) &&
          /: (write|name|close) /.test(error.message),
      );
    });
  }
});
