import { join } from 'node:path';
import {
  compileExcludes,
  entryBytes,
  LinkGroups,
  plannedRoot,
  SegmentWriter,
  Volume,
  walk,
} from '@longshore/tape';
import type { RenderTask } from '../src/threads/protocol.ts';

let segments = 0;

/** Renders all of a volume as one item; its segment goes into `folder`. */
export function taskOf(path: string, folder: string): RenderTask {
  using volume = Volume.open(path);
  using links = new LinkGroups({ scratch: folder });
  const entries = [...walk(volume, { exclude: compileExcludes([]), links })].filter(
    ({ kind }) => kind === 'entry',
  );
  const segment = join(folder, `segment-${segments++}`);
  let end = 0;
  let files = 0;
  for (const step of entries) {
    if (step.kind !== 'entry') continue;
    end += entryBytes(step.entry);
    if (step.entry.type === 'file') files++;
  }
  using writer = new SegmentWriter(segment, { item: 0, start: 0, end, tapeOffset: 0, previous: '' });
  for (const step of entries) if (step.kind === 'entry') writer.add(step);
  writer.finish({ filesSoFar: files, tapeEnd: end, last: true });
  return {
    export: `export-of-${path}`,
    volume: path,
    root: plannedRoot(volume.rootStat),
    segment,
    range: { start: 0, end },
    format: 'tar',
    level: 0,
    onChange: 'record',
    ioErrors: 'retry-item',
    output: { kind: 'memory' },
    payloadHash: 'sha256',
  };
}
