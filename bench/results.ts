import { CONTENDER_NAMES, type ContenderName } from './contenders.ts';
import type { Ceiling } from './coordination/ceiling.ts';
import type { SmallExport } from './coordination/small-export.ts';
import type { CorpusName } from './corpora/corpora.ts';
import type { Contents } from './corpora/corpus.ts';
import type { Measurement } from './measure.ts';
import { median } from './median.ts';
import type { PlanningRun } from './planning/plan-volume.ts';
import type { SlowRun } from './slow-volume/slow-export.ts';
import type { Medians } from './targets.ts';

/** What a run cost, and what came out. */
export interface Figures extends Measurement {
  archiveBytes: number;
}

export interface Run extends Figures {
  contender: ContenderName;
}

/** When, and on what. */
interface Taken {
  /** ISO 8601. */
  date: string;
  machine: string;
}

/** One corpus, and all rounds over it but the warm-up. */
export interface CorpusResult extends Taken, Contents {
  pairs: number;
  runs: readonly Run[];
}

/** What the queue lets through, and an export of as many items as there can be. */
export interface CoordinationResult extends Taken {
  ceilings: readonly Ceiling[];
  /** Undefined where it was left out. */
  smallExport?: SmallExport;
}

/** How long it takes to plan a volume, in each round but the warm-up. */
export interface PlanningResult extends Taken {
  entries: number;
  runs: readonly PlanningRun[];
}

/** A volume that answers late, and who read it. */
export interface SlowVolumeResult extends Taken, Contents {
  /** Of each call. */
  delayMs: number;
  runs: readonly SlowRun[];
}

/** What is published: `benchmarks.json`, of which `benchmarks.md` is made. */
export interface Results {
  corpora: Partial<Record<CorpusName, CorpusResult>>;
  coordination?: CoordinationResult;
  planning?: PlanningResult;
  slowVolume?: SlowVolumeResult;
}

/** Each contender's medians; one that didn't take part has none. */
export function mediansOf({ runs }: Pick<CorpusResult, 'runs'>): Medians {
  const medians: Medians = {};
  for (const contender of CONTENDER_NAMES) {
    const own = runs.filter((run) => run.contender === contender);
    if (own.length > 0) medians[contender] = middle(own);
  }
  return medians;
}

function middle(runs: readonly Figures[]): Figures {
  const of = (name: keyof Figures) => median(runs.map((run) => run[name]));
  return {
    wall: of('wall'),
    cpu: of('cpu'),
    peakBytes: of('peakBytes'),
    ownPeakBytes: of('ownPeakBytes'),
    archiveBytes: of('archiveBytes'),
  };
}
