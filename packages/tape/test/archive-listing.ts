import { execa } from 'execa';
import type { Entry } from '../src/entry.ts';

/** What a reader says of an entry. Names are latin1, so that a character is a byte, without `./` and end slash. */
export interface Facts {
  name: string;
  type: string;
  uid: number;
  gid: number;
  mtime: string;
  size?: number;
  mode?: number;
  link?: string;
  device?: string;
}

export interface Listing {
  facts: Facts[];
  warnings: string;
}

const GNU_TYPES: Record<string, string> = {
  '-': 'file',
  d: 'directory',
  l: 'symlink',
  h: 'hardlink',
  p: 'fifo',
  c: 'character',
  b: 'block',
};
const MTREE_TYPES: Record<string, string> = {
  file: 'file',
  dir: 'directory',
  link: 'symlink',
  fifo: 'fifo',
  char: 'character',
  block: 'block',
};

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', '\\': '\\', '"': '"' };

const unescaped = (text: string) =>
  text.replace(/\\(\d{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : ESCAPES[code],
  );

const bare = (name: string) => name.replace(/^(\.\/|\/\.$|\.$)/, '').replace(/\/$/, '');

/** Seconds, a dot, nine digits: from a count of seconds that isn't after the time, and nanoseconds after that. */
const timeOf = (seconds: number, nanoseconds: number) => `${seconds}.${String(nanoseconds).padStart(9, '0')}`;

/** What every reader ought to say. */
export function expected({
  path,
  type,
  link,
  mtime,
  mtimeNsec,
  uid,
  gid,
  size,
  mode,
  ...rest
}: Entry): Facts {
  const facts: Facts = { name: path.toString('latin1'), type, uid, gid, mtime: timeOf(mtime, mtimeNsec) };
  if (rest.deviceMajor !== undefined) facts.device = `${rest.deviceMajor},${rest.deviceMinor}`;
  else facts.size = size;
  if (link) facts.link = `${type === 'hardlink' ? './' : ''}${link.toString('latin1')}`;
  return { ...facts, mode };
}

const GNU_LINE =
  /^(?<type>.)\S+ (?<uid>\d+)\/(?<gid>\d+) +(?<size>[\d,]+) (?<day>\S+) (?<time>[\d:]+)(?:\.(?<fraction>\d+))? +"(?<name>(?:[^"\\]|\\.)*)"(?: (?:->|link to) "(?<link>.*)")?$/;

export async function listWithGnuTar(archive: string): Promise<Listing> {
  const options = ['--numeric-owner', '--full-time', '--quoting-style=c', '-tvf', archive];
  const { stdout, stderr } = await execa('tar', options, { env: { LC_ALL: 'C', TZ: 'UTC' } });
  return { facts: stdout.split('\n').map(gnuFacts), warnings: stderr };
}

function gnuFacts(line: string): Facts {
  const groups = GNU_LINE.exec(line)?.groups;
  if (!groups) throw new Error(`No line of tar -tv: ${line}`);
  const { type, uid, gid, size, day, time, fraction = '', name, link } = groups;
  const seconds = Date.parse(`${day}T${time}Z`) / 1000;
  return {
    name: bare(unescaped(name)),
    type: GNU_TYPES[type],
    uid: Number(uid),
    gid: Number(gid),
    mtime: timeOf(seconds, Number(fraction.padEnd(9, '0'))),
    ...(size.includes(',') ? { device: size } : { size: Number(size) }),
    ...(link === undefined ? {} : { link: unescaped(link) }),
  };
}

/** libarchive's mtree can't tell a hard link from a file, and sorts. */
export async function listWithBsdtar(archive: string): Promise<Listing> {
  const keywords =
    'mtree:!all,mtree:type,mtree:mode,mtree:uid,mtree:gid,mtree:time,mtree:size,mtree:link,mtree:device';
  const options = ['-cf', '-', '--format=mtree', `--options=${keywords}`, `@${archive}`];
  const { stdout, stderr } = await execa('bsdtar', options, { env: { LC_ALL: 'C.UTF-8' } });
  return { facts: stdout.split('\n').slice(1).map(mtreeFacts), warnings: stderr };
}

function mtreeFacts(line: string): Facts {
  const [name, ...words] = line.split(' ');
  const values = new Map(
    words.map((word): [string, string] => {
      const at = word.indexOf('=');
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
  const get = (key: string) => values.get(key) ?? '';
  const [seconds, nanoseconds] = get('time').split('.').map(Number);
  const device = get('device').split(',').slice(1).join(',');
  return {
    name: bare(unescaped(name)),
    type: MTREE_TYPES[get('type')],
    uid: Number(get('uid')),
    gid: Number(get('gid')),
    mtime: timeOf(seconds, nanoseconds),
    mode: Number.parseInt(get('mode'), 8),
    ...(values.has('size') ? { size: Number(get('size')) } : {}),
    ...(values.has('link') ? { link: unescaped(get('link')) } : {}),
    ...(device ? { device } : {}),
  };
}

const PYTHON = `
import decimal, json, sys, tarfile
types = {b'0': 'file', b'1': 'hardlink', b'2': 'symlink', b'3': 'character', b'4': 'block', b'5': 'directory', b'6': 'fifo'}
latin1 = lambda text: text.encode('utf-8', 'surrogateescape').decode('latin-1')
def facts(member):
    text = member.pax_headers.get('mtime', str(member.mtime))
    time = decimal.Decimal(text)
    seconds = int(time.to_integral_value(rounding=decimal.ROUND_FLOOR))
    told = dict(name=latin1(member.name), type=types[member.type], uid=member.uid, gid=member.gid, mode=member.mode,
        size=member.size, mtime=[seconds, int((time - seconds) * 10**9)], readTime=member.mtime,
        pax={latin1(key): latin1(value) for key, value in member.pax_headers.items()})
    if member.issym() or member.islnk(): told['link'] = latin1(member.linkname)
    if member.isdev() and not member.isfifo(): told['device'] = f'{member.devmajor},{member.devminor}'
    return told
with tarfile.open(sys.argv[1], encoding='utf-8', errors='surrogateescape') as archive:
    json.dump([facts(member) for member in archive], sys.stdout)
`;

interface PythonFacts extends Omit<Facts, 'mtime'> {
  mtime: [number, number];
  readTime: number;
  pax: Record<string, string>;
}

export async function listWithPython(archive: string): Promise<Listing & { members: PythonFacts[] }> {
  const { stdout, stderr } = await execa('python3', ['-c', PYTHON, archive]);
  const members: PythonFacts[] = JSON.parse(stdout);
  const facts = members.map(({ mtime, pax, readTime, size, ...member }) => ({
    ...member,
    name: bare(member.name),
    mtime: timeOf(...mtime),
    ...(member.device ? {} : { size }),
  }));
  return { facts, warnings: stderr, members };
}
