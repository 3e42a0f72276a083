import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/config.ts';
import { CONTENDER_NAMES, type ContenderName } from './contenders.ts';
import { CORPUS_NAMES, type CorpusName } from './corpora/corpora.ts';

export interface Options {
  corpora: readonly CorpusName[];
  contenders: readonly ContenderName[];
  /** Rounds that count. */
  pairs: number;
  /** Of the corpora's full size. */
  scale: number;
  /** The folder in which results are published, if they are. */
  into: string | undefined;
}

/** What stands behind `npm run bench --`. Throws where it makes no sense. */
export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      corpus: { type: 'string', multiple: true, default: [] },
      contender: { type: 'string', multiple: true, default: [] },
      pairs: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      write: { type: 'boolean', default: false },
      into: { type: 'string', default: `${root}docs` },
    },
  });
  const pairs = Number(values.pairs);
  const scale = Number(values.scale);
  if (!Number.isSafeInteger(pairs) || pairs < 1)
    throw new Error(`--pairs takes a whole number from 1 on, not ${values.pairs}.`);
  if (!(scale > 0 && scale <= 1))
    throw new Error(`--scale takes a number above 0 up to 1, not ${values.scale}.`);
  return {
    corpora: chosen('corpus', values.corpus, CORPUS_NAMES),
    contenders: chosen('contender', values.contender, CONTENDER_NAMES),
    pairs,
    scale,
    into: values.write ? resolve(values.into) : undefined,
  };
}

/** Names given one by one or with commas between them, in the order of `known`; all where there are none. */
function chosen<T extends string>(option: string, given: readonly string[], known: readonly T[]): T[] {
  const names = given.flatMap((each) => each.split(','));
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined)
    throw new Error(`--${option} takes ${known.join(', ')}, not ${JSON.stringify(unknown)}.`);
  return known.filter((each) => names.length === 0 || names.includes(each));
}
