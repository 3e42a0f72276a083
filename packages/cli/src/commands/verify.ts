import { type DamagedPath, type Verification, verifyArchive } from '@longshore/restore';
import { displayPath } from '@longshore/tape/posix';
import prettyBytes from 'pretty-bytes';
import type { Config } from '../config.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { listed, pathJson } from '../output/path-text.ts';
import { print } from '../output/print.ts';
import { recordedLines } from '../output/recorded-lines.ts';
import { whileReading } from '../progress/tape-reading.ts';
import { tempFolder } from './temp-folder.ts';

export interface ArchiveOptions {
  threads?: number;
  json?: boolean;
  quiet?: boolean;
}

/** `longshore verify`: exits with 1 for damage, with 3 for a whole archive that lacks something by its own account. */
export async function verifyCommand(archive: string, options: ArchiveOptions, config: Config): Promise<void> {
  using interrupts = new Interrupts();
  await using temp = await tempFolder(config.temp);
  const { threads = config.cores } = options;
  const means = { temp: temp.path, threads, signal: interrupts.signal };
  const found = await whileReading(options, (onPosition) => verifyArchive(archive, { ...means, onPosition }));
  const text = () => (options.quiet && exitCode(found) === EXIT.complete ? '' : textOf(archive, found));
  print(jsonOf(archive, found), { json: options.json, text });
  process.exitCode = exitCode(found);
}

function exitCode({ whole, recorded }: Verification): number {
  if (!whole) return EXIT.failed;
  return recorded.drift + recorded.lost > 0 ? EXIT.drifted : EXIT.complete;
}

function jsonOf(archive: string, { archive: sizes, damaged, ...found }: Verification) {
  const paths = damaged.map(({ path, reason }) => ({ ...pathJson(path), reason }));
  return { archive: { uri: archive, ...sizes }, ...found, damaged: paths };
}

function textOf(archive: string, found: Verification): string {
  return `${[...(found.whole ? wholeLines(archive, found) : damageLines(archive, found)), ...recordedLines(found.recorded)].join('\n')}\n`;
}

function wholeLines(archive: string, { entries, archive: { bytes }, tape }: Verification): string[] {
  const counted = `${entries.count.toLocaleString('en')} entries, ${prettyBytes(tape.bytes)} in ${prettyBytes(bytes)}`;
  return [`${archive} is whole: ${counted}`];
}

function damageLines(archive: string, found: Verification): string[] {
  const { entries, segments, damaged } = found;
  return [
    `${archive} is damaged`,
    ...sizeLines(found),
    ...tapeLines(found),
    ...(segments.damaged.length > 0
      ? [
          `${segments.damaged.length} of its ${segments.count} parts differ: ${segments.damaged.slice(0, 20).join(', ')}`,
        ]
      : []),
    `${damaged.length.toLocaleString('en')} of ${entries.expectedCount.toLocaleString('en')} entries are damaged${damaged.length > 0 ? ':' : ''}`,
    ...listed(damaged.map(damagedLine)),
  ];
}

function sizeLines({ archive: { bytes, expectedBytes } }: Verification): string[] {
  return bytes === expectedBytes ? [] : [`it has ${bytes} bytes instead of ${expectedBytes}`];
}

function tapeLines({ tape: { crc32, expectedCrc32 }, damaged }: Verification): string[] {
  if (crc32 === expectedCrc32)
    return damaged.length > 0 ? [] : ['the damage is between the frames: no file has lost anything'];
  return damaged.length > 0
    ? []
    : ['the damage is in the headers, or between the files: their contents are as they were'];
}

const damagedLine = ({ path, reason }: DamagedPath) =>
  `${displayPath(path)}: ${reason === 'crc32' ? 'its content is another' : "it can't be read"}`;
