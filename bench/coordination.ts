// `npm run bench:coordination [-- --workers N --items N --small-items N --write --into FOLDER]`: how many items a second
// one Redis and so many workers pass through plan, pack and finalize, where packing takes no time; and a real export of
// as many items as an archive can have.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/config.ts';
import { type Ceiling, measureCeiling } from './coordination/ceiling.ts';
import { ceilingsTable, smallExportLine } from './coordination/section.ts';
import { measureSmallExport } from './coordination/small-export.ts';
import { machine } from './machine.ts';
import { publish } from './publish.ts';
import type { CoordinationResult } from './results.ts';
import { wholeNumber } from './whole-number.ts';

/** S3's part numbers less the tail's. */
const MOST_ITEMS = '9999';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '1,2,4,8,16' },
      items: { type: 'string', default: MOST_ITEMS },
      'small-items': { type: 'string', default: MOST_ITEMS },
      write: { type: 'boolean', default: false },
      into: { type: 'string', default: `${root}docs` },
    },
  });
  const most = Number(MOST_ITEMS);
  const items = wholeNumber('items', values.items, { most });
  const counts = values.workers.split(',').map((text) => wholeNumber('workers', text, { most }));
  const smallItems = wholeNumber('small-items', values['small-items'], { least: 0, most });
  const { signal } = interrupt;
  const ceilings: Ceiling[] = [];
  for (const workers of counts) ceilings.push(await measureCeiling(workers, { items, signal }));
  console.log(ceilingsTable(ceilings));
  const smallExport = smallItems > 0 ? await measureSmallExport(smallItems, signal) : undefined;
  if (smallExport) console.log(`\n${smallExportLine(smallExport)}`);
  const taken = { date: new Date().toISOString(), machine: machine() };
  const coordination: CoordinationResult = { ...taken, ceilings, ...(smallExport && { smallExport }) };
  console.log(`\n${taken.machine}`);
  if (values.write) await publish({ coordination }, resolve(values.into));
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
