import { parentPort } from 'node:worker_threads';
import { crc32 } from '@longshore/tape';
import type { Span } from '../archive/span.ts';
import { TapeWindow } from '../archive/tape-window.ts';
import { readHeader } from '../header/read-header.ts';
import { serveTasks } from '../threads/serve-tasks.ts';
import type { VerifyReply, VerifyTask } from './protocol.ts';

const tape = new TapeWindow();

function verify({ archive, contents, headers, segments, ...task }: VerifyTask): VerifyReply {
  tape.load({ ...task, archiveOffset: archive.start });
  const inArchive = ({ start, end }: Span) => task.bytes.subarray(start - archive.start, end - archive.start);
  return {
    ...tape.crcs(contents, tape),
    segmentCrcs: Uint32Array.from(segments, (span) => crc32(inArchive(span))),
    damagedHeaders: headers.flatMap(({ start, end }, n) => (readHeader(tape.span(start, end)) ? [] : [n])),
    damaged: tape.damaged,
  };
}

if (parentPort) serveTasks(parentPort, verify);
