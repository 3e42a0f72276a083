import { type Restored, type RestoreTrouble, restoreArchive } from '@longshore/restore';
import { displayPath } from '@longshore/tape/posix';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import type { Config } from '../config.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { listed, pathJson } from '../output/path-text.ts';
import { print } from '../output/print.ts';
import { recordedLines } from '../output/recorded-lines.ts';
import { whileReading } from '../progress/tape-reading.ts';
import { tempFolder } from './temp-folder.ts';
import type { ArchiveOptions } from './verify.ts';

interface Places {
  archive: string;
  dir: string;
}

/** `longshore restore`: exits with 1 where something is damaged, with 3 where it's less than what once was. */
export async function restoreCommand(
  { archive, dir }: Places,
  options: ArchiveOptions,
  config: Config,
): Promise<void> {
  const started = performance.now();
  using interrupts = new Interrupts('what was restored so far is there');
  await using temp = await tempFolder(config.temp);
  const { threads = config.cores } = options;
  const owners = process.getuid?.() === 0;
  const means = { temp: temp.path, threads, owners, signal: interrupts.signal };
  const restored = await whileReading(options, (onPosition) =>
    restoreArchive(archive, dir, { ...means, onPosition }),
  );
  const seconds = Math.round(performance.now() - started) / 1_000;
  const isDone = exitCode(restored) === EXIT.complete;
  const text = () => (options.quiet && isDone ? '' : textOf({ archive, dir }, { restored, owners, seconds }));
  print(
    { archive: { uri: archive }, directory: dir, ...jsonOf(restored), owners, seconds },
    { json: options.json, text },
  );
  process.exitCode = exitCode(restored);
}

const isLoss = ({ kind }: RestoreTrouble) => kind !== 'unset';

function exitCode({ whole, troubles, recorded }: Restored): number {
  if (!whole || troubles.some(isLoss)) return EXIT.failed;
  return troubles.length + recorded.drift + recorded.lost > 0 ? EXIT.drifted : EXIT.complete;
}

function jsonOf({ troubles, ...restored }: Restored) {
  return {
    ...restored,
    troubles: troubles.map(({ path, ...trouble }) => ({ ...pathJson(path), ...trouble })),
  };
}

function textOf(
  { archive, dir }: Places,
  { restored, owners, seconds }: { restored: Restored; owners: boolean; seconds: number },
): string {
  const { entries, bytes, troubles, recorded } = restored;
  const took = prettyMs(seconds * 1_000);
  const lines = [
    `${archive}: ${entries.toLocaleString('en')} entries, ${prettyBytes(bytes)} to ${dir}, ${took}`,
    ...damageLines(restored),
    ...troubleLines(troubles.filter(isLoss), 'entries are damaged or missing'),
    ...troubleLines(
      troubles.filter((trouble) => !isLoss(trouble)),
      'attributes could not be set here',
    ),
    ...(owners ? [] : ['owners were left as they are: only root can set them']),
    ...recordedLines(recorded),
  ];
  return `${lines.join('\n')}\n`;
}

function damageLines({ whole, troubles }: Restored): string[] {
  if (whole || troubles.some(isLoss)) return [];
  return ['the archive is damaged in headers, or between the files: attributes may differ'];
}

function troubleLines(troubles: readonly RestoreTrouble[], what: string): string[] {
  if (troubles.length === 0) return [];
  return [`${troubles.length.toLocaleString('en')} ${what}:`, ...listed(troubles.map(troubleLine))];
}

function troubleLine(trouble: RestoreTrouble): string {
  return `${displayPath(trouble.path)}: ${reasonOf(trouble)}`;
}

function reasonOf(trouble: RestoreTrouble): string {
  if (trouble.kind === 'unreadable') return "it can't be read as a whole";
  if (trouble.kind === 'crc32') return 'its content is another';
  if (trouble.kind === 'failed') return `it can't be made (${trouble.errno})`;
  return `${trouble.what} (${trouble.errno})`;
}
