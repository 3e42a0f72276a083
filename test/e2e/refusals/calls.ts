import { type Refusal, usage, withOptions } from '../../harness/refusal.ts';

export const CALLS: readonly Refusal[] = [
  usage('an unknown command', () => ({ args: ['exprot'] }), /exprot.*export.*longshore --help/),
  usage('an unknown option', withOptions('--fast'), /--fast.*longshore export --help/),
  usage('no SRC', () => ({ args: ['export', '--to', 'dest'] }), /--help|SRC|src/),
  usage('two SRCs', ({ src, dest }) => ({ args: ['export', src, src, '--to', dest] }), /too many arguments/),
  usage('no --to', ({ src }) => ({ args: ['export', src] }), /--to.*--help/),
  usage('a level that is text', withOptions('--level', 'high'), /--level.*'high'.*whole number/),
  usage(
    'a level below those of zstd',
    withOptions('--level', '0'),
    /^Level 0 .*tar\.zst takes levels 1 to 19/,
  ),
  usage(
    'a level above those of zstd',
    withOptions('--level', '20'),
    /^Level 20 .*tar\.zst takes levels 1 to 19/,
  ),
  usage(
    'a level above those of gzip',
    withOptions('--format', 'tar.gz', '--level', '10'),
    /^Level 10 .*tar\.gz takes levels 1 to 9/,
  ),
  usage('a level for tar', withOptions('--format', 'tar', '--level', '1'), /^Level 1 .*tar takes no level/),
  usage('a format that is none', withOptions('--format', 'zip'), /--format.*'zip'.*tar\.zst, tar\.gz, tar/),
  usage('another --on-change', withOptions('--on-change', 'panic'), /--on-change.*'panic'.*record, fail/),
  usage('no workers', withOptions('--workers', '0'), /--workers.*'0'.*from 1 on/),
  usage('workers as text', withOptions('--workers', 'many'), /--workers.*'many'.*from 1 on/),
  usage('no threads', withOptions('--threads', '0'), /--threads.*'0'.*from 1 on/),
  usage('threads as text', withOptions('--threads', 'x'), /--threads.*'x'.*from 1 on/),
  usage('half a thread', withOptions('--threads', '1.5'), /--threads.*'1\.5'.*from 1 on/),
  usage('an empty exclude', withOptions('--exclude', ''), /^Exclude pattern "".*write a path/),
  usage('an open bracket', withOptions('--exclude', 'a[b'), /^Exclude pattern "a\[b".*close its brackets/),
  usage('an open brace', withOptions('--exclude', 'a{b'), /^Exclude pattern "a\{b".*close its brackets/),
  usage(
    'an absolute exclude',
    withOptions('--exclude', '/tmp'),
    /^Exclude pattern "\/tmp".*without the leading/,
  ),
  usage('an exclude above SRC', withOptions('--exclude', '../x'), /^Exclude pattern "\.\.\/x".*without \.\./),
  usage('a work without Redis', () => ({ args: ['work'] }), /no Redis.*--redis/),
];

export const NAMES: readonly Refusal[] = [
  usage('a name with a slash', withOptions('--name', 'a/b'), /"a\/b".*slash/),
  usage('an empty name', withOptions('--name', ''), /^"".*choose another/),
  usage('the name ..', withOptions('--name', '..'), /^"\.\.".*choose another/),
  usage('the name .', withOptions('--name', '.'), /^"\.".*choose another/),
  usage('a name with a line feed', withOptions('--name', 'a\nb'), /"a\\nb".*control character/),
  usage('a name with DEL', withOptions('--name', 'a\u007fb'), /"a\\u007fb".*control character/),
  usage('a name that is too long', withOptions('--name', 'é'.repeat(101)), /longer than 200 bytes; shorten/),
  usage('a name like the work area', withOptions('--name', '.longshore'), /"\.longshore".*choose another/),
];
