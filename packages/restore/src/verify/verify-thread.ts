import { parentPort } from 'node:worker_threads';
import { crc32, crc32Combine } from '@longshore/tape';
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
    ...tapeCrcs(contents),
    segmentCrcs: Uint32Array.from(segments, (span) => crc32(inArchive(span))),
    damagedHeaders: headers.flatMap(({ start, end }, n) => (readHeader(tape.span(start, end)) ? [] : [n])),
    damaged: tape.damaged,
  };
}

/** Less is gone through once more in the time that joining takes. */
const JOINED_BYTES = 64 * 2 ** 10;

/** The CRC-32 of each content, and of the whole tape that is there: what is long is gone through once for both. */
function tapeCrcs(contents: readonly Span[]): Pick<VerifyReply, 'tapeCrc32' | 'contentCrcs'> {
  const contentCrcs = new Uint32Array(contents.length);
  let tapeCrc32 = 0;
  let at = tape.start;
  for (const [n, { start, end }] of contents.entries()) {
    const content = tape.span(start, end);
    contentCrcs[n] = crc32(content);
    if (end - start < JOINED_BYTES) continue;
    tapeCrc32 = crc32Combine(crc32(tape.span(at, start), tapeCrc32), contentCrcs[n], end - start);
    at = end;
  }
  return { contentCrcs, tapeCrc32: crc32(tape.span(at, tape.end), tapeCrc32) };
}

if (parentPort) serveTasks(parentPort, verify);
