import type { Corpus } from './corpus.ts';
import { incompressible } from './incompressible.ts';
import { jsonLogs } from './json-logs.ts';
import { mixed } from './mixed.ts';
import { smallFiles } from './small-files.ts';
import { sparse } from './sparse.ts';

export const CORPUS_NAMES = ['mixed', 'small-files', 'incompressible', 'json-logs', 'sparse'] as const;
export type CorpusName = (typeof CORPUS_NAMES)[number];

/** What is measured, in the order of the page. */
export const CORPORA: Readonly<Record<CorpusName, Corpus>> = {
  mixed,
  'small-files': smallFiles,
  incompressible,
  'json-logs': jsonLogs,
  sparse,
};
