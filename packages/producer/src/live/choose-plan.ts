import { ProducerError } from '../error.ts';
import type { LivePlan } from './plan.ts';

/** What a request says about the plan that it wants. */
export interface PlanWish {
  /** ETags, without quotes, of the archive that it has a part of already. */
  etags: readonly string[];
  /** `middle`: it asks for a range that doesn't begin at the archive's start. */
  from: 'start' | 'middle';
  /** Whether only a plan will do that is made now. */
  anew: boolean;
}

export interface Choosing {
  /** Every plan of the volume that is remembered. */
  kept: readonly LivePlan[];
  now: number;
  freshMs: number;
  /** `brief`: plans don't outlive the process, and so there may have been others. */
  memory: 'lasting' | 'brief';
}

/**
 * Which plan a request is served by; undefined where the volume is to be planned. A download that is resumed goes on
 * with the very plan that it began with, however old it is. One that doesn't say which that was is resumed only where
 * there's no doubt: the end of one archive behind the beginning of another would pass for whole.
 */
export function choosePlan(wish: PlanWish, { kept, now, freshMs, memory }: Choosing): LivePlan | undefined {
  const good = kept.filter(({ ended }) => ended === undefined);
  const named = good.find(({ etag }) => wish.etags.includes(etag));
  if (named) return named;
  const names = wish.from === 'start' || wish.etags.length > 0;
  if (!names && (kept.length > 0 || memory === 'brief')) return theOnlyOne(kept);
  if (wish.anew) return undefined;
  return good
    .filter(({ planned, tookMs }) => planned + Math.max(freshMs, tookMs) > now)
    .sort((a, b) => b.planned - a.planned)
    .at(0);
}

function theOnlyOne(kept: readonly LivePlan[]): LivePlan {
  const [only] = kept;
  if (kept.length === 1 && only.ended === undefined) return only;
  throw new ProducerError(
    'VOLUME_CHANGED',
    'The volume has changed since this download began, as far as can be told: resume with If-Match and the ETag of its first answer, or begin anew.',
  );
}
