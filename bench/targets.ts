import type { ContenderName } from './contenders.ts';
import type { CorpusName } from './corpora/corpora.ts';
import type { Figures } from './results.ts';

/** Medians by contender. */
export type Medians = Partial<Record<ContenderName, Figures>>;

/** Something to reach, of one contender's figures beside another's. */
export interface Target {
  title: string;
  /** Those of which it's asked; where there are several, it's reached when one of them does. */
  of: readonly ContenderName[];
  beside: ContenderName;
  value(own: Figures, other: Figures): number;
  atLeast?: number;
  atMost?: number;
  unit?: 'MB';
}

/** Two cores' worth of Longshore, against as many zstd threads as there are cores. */
const TWO = ['longshore-2x1', 'longshore-1x2'] as const;

/** By corpus: wall, pipe ÷ Longshore, at least; CPU, Longshore ÷ pipe, at most; MB without Redis, at most. */
const LIMITS: Readonly<Record<CorpusName, { wall: number; cpu: number; memory: number }>> = {
  mixed: { wall: 1.3, cpu: 1, memory: 500 },
  'small-files': { wall: 1, cpu: 1.5, memory: 500 },
  incompressible: { wall: 1.5, cpu: 0.6, memory: 400 },
  'json-logs': { wall: 1.4, cpu: 0.8, memory: 400 },
  sparse: { wall: 4, cpu: 0.3, memory: 400 },
};

const MAX_SIZE = 1.01;
const GZIP_WALL = 1.5;
const SCALING = 1.8;

const wall = (own: Figures, other: Figures) => other.wall / own.wall;

export function targetsOf(corpus: CorpusName): Target[] {
  const limits = LIMITS[corpus];
  const two = { of: TWO, beside: 's5cmd' } as const;
  return [
    { title: 'wall, pipe ÷ Longshore', ...two, value: wall, atLeast: limits.wall },
    {
      title: 'CPU, Longshore ÷ pipe',
      ...two,
      value: (own, pipe) => own.cpu / pipe.cpu,
      atMost: limits.cpu,
    },
    {
      title: 'peak memory without Redis',
      ...two,
      value: (own) => own.ownPeakBytes / 1e6,
      atMost: limits.memory,
      unit: 'MB',
    },
    {
      title: 'size, Longshore ÷ pipe',
      ...two,
      value: (own, pipe) => own.archiveBytes / pipe.archiveBytes,
      atMost: MAX_SIZE,
    },
    {
      title: 'tar.gz: wall, pipe with pigz ÷ Longshore',
      of: ['longshore-gz'],
      beside: 'pigz',
      value: wall,
      atLeast: GZIP_WALL,
    },
    {
      title: 'wall, 1 worker × 1 thread ÷ 2 workers × 1 thread',
      of: ['longshore-2x1'],
      beside: 'longshore-1x1',
      value: wall,
      atLeast: SCALING,
    },
  ];
}

export function isReached({ atLeast, atMost }: Target, value: number): boolean {
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
}
