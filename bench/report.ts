import type { CorpusName } from './corpora/corpora.ts';
import { figuresTable, targetsTable } from './page.ts';
import { publish } from './publish.ts';
import { type CorpusResult, mediansOf } from './results.ts';

/** Prints a corpus's tables, and publishes them in a folder where one is given. */
export async function report(name: CorpusName, result: CorpusResult, into?: string): Promise<void> {
  const medians = mediansOf(result);
  console.log(`\n${figuresTable(medians)}\n\n${targetsTable(name, medians)}\n\n${result.machine}\n`);
  if (into !== undefined) await publish({ corpora: { [name]: result } }, into);
}
