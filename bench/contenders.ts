import type { S3Server } from '../test/harness/versitygw.ts';
import { quoted } from './quoted.ts';

/** One way to get a corpus out: bash scripts, run in a folder that has `corpus` and an empty `out`. */
export interface Contender {
  /** In the table. */
  title: string;
  /** Done before the clock starts. */
  prepare?: string;
  script: string;
  /** What the script leaves: a file, or a folder that is its result as a whole. */
  archive: string;
  /** The other one that it's held against, of the same place. */
  beside: ContenderName;
}

export const CONTENDER_NAMES = [
  'longshore-1x1',
  'longshore-1x2',
  'longshore-2x1',
  'longshore-4x1',
  's5cmd',
  'rclone',
  'restic',
  'longshore-gz',
  'pigz',
  'longshore-directory',
  'directory',
] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

/** The programs that aren't on PATH, by their paths. */
export interface Programs {
  s5cmd: string;
}

export const BUCKET = 'bench';
const KEY = 'out/bench';

function exported(to: string, { workers, threads = 1, format = 'tar.zst' }: Share): string {
  const share = `--workers ${workers} --threads ${threads} --format ${format}`;
  return `longshore export corpus --to ${to} --name bench --quiet ${share}`;
}

interface Share {
  workers: number;
  threads?: number;
  format?: string;
}

const TAR = 'tar -C corpus -cf - .';
const ZSTD = 'zstd -q -3 -T0';

// rclone gives up where this is set, even for a server without TLS.
const RCLONE = 'env -u AWS_CA_BUNDLE rclone';

/** Where the S3 server has an object, seen from the folder in which scripts run. */
const object = (extension: string) => `s3/${BUCKET}/${KEY}.${extension}`;

/** All contenders, in the order in which they take their turns: those that are held against each other, in a row. */
export function contendersWith(programs: Programs): Record<ContenderName, Contender> {
  const pipe = (extension: string) => `${quoted(programs.s5cmd)} pipe s3://${BUCKET}/${KEY}.${extension}`;
  const toS3 = (title: string, share: Share): Contender => ({
    title: `\`longshore export\`, ${title}`,
    script: exported(`s3://${BUCKET}/out`, share),
    archive: object(share.format ?? 'tar.zst'),
    beside: share.format ? 'pigz' : 's5cmd',
  });
  return {
    'longshore-1x1': toS3('1 worker × 1 thread', { workers: 1 }),
    'longshore-1x2': toS3('1 worker × 2 threads', { workers: 1, threads: 2 }),
    'longshore-2x1': toS3('2 workers × 1 thread', { workers: 2 }),
    'longshore-4x1': toS3('4 workers × 1 thread', { workers: 4 }),
    s5cmd: {
      title: '`tar \\| zstd -3 -T0 \\| s5cmd pipe`',
      script: `${TAR} | ${ZSTD} | ${pipe('tar.zst')}`,
      archive: object('tar.zst'),
      beside: 's5cmd',
    },
    rclone: {
      title: '`tar \\| zstd -3 -T0 \\| rclone rcat`',
      script: `${TAR} | ${ZSTD} | ${RCLONE} rcat bench:${BUCKET}/${KEY}.tar.zst`,
      archive: object('tar.zst'),
      beside: 's5cmd',
    },
    restic: {
      title: '`restic backup`',
      prepare: 'restic init --quiet >restic-init',
      script: 'restic backup --quiet corpus',
      archive: `s3/${BUCKET}/${KEY}`,
      beside: 's5cmd',
    },
    'longshore-gz': toS3('2 workers × 1 thread, tar.gz', { workers: 2, format: 'tar.gz' }),
    pigz: {
      title: '`tar \\| pigz -6 -p2 \\| s5cmd pipe`',
      script: `${TAR} | pigz -6 -p2 | ${pipe('tar.gz')}`,
      archive: object('tar.gz'),
      beside: 'pigz',
    },
    'longshore-directory': {
      title: '`longshore export` to a directory, 2 workers × 1 thread',
      script: exported('out', { workers: 2 }),
      archive: 'out/bench.tar.zst',
      beside: 'directory',
    },
    directory: {
      title: '`tar \\| zstd -3 -T0 -o`',
      script: `${TAR} | ${ZSTD} -o out/bench.tar.zst`,
      archive: 'out/bench.tar.zst',
      beside: 'directory',
    },
  };
}

/** What all of them find in their environment: the way to the S3 server, in each one's words. */
export function environmentFor({ env, endpoint }: S3Server): Record<string, string> {
  return {
    ...env,
    S3_ENDPOINT_URL: endpoint,
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_BENCH_TYPE: 's3',
    RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
    RCLONE_CONFIG_BENCH_ENV_AUTH: 'true',
    RCLONE_CONFIG_BENCH_ENDPOINT: endpoint,
    RESTIC_REPOSITORY: `s3:${endpoint}/${BUCKET}/${KEY}`,
    RESTIC_PASSWORD: 'bench',
    RESTIC_CACHE_DIR: 'out/restic-cache',
  };
}
