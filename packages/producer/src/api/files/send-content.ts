import { Readable } from 'node:stream';
import { crc32Hex } from '@longshore/tape';
import type { Request, Response } from 'express';
import type { OpenArchive } from '../../browse/browser.ts';
import { textOf } from '../../browse/entry-path.ts';
import { contentOf, fileAt } from '../../browse/file-content.ts';
import { sendRanged } from '../ranged/send-ranged.ts';
import { whileConnected } from './while-connected.ts';

export interface WantedFile {
  /** Of the export. */
  id: string;
  path: Buffer;
}

/** Answers GET and HEAD with one file of an archive: no browser is to show it, for anything may be in it. */
export async function sendContent(
  { id, path }: WantedFile,
  open: OpenArchive,
  exchange: { req: Request; res: Response },
): Promise<void> {
  const file = fileAt(open.index, path);
  const { drift } = file.entry;
  using connection = whileConnected(exchange.res);
  using tape = open.tape({ signal: connection.signal });
  await sendRanged(
    {
      bytes: file.size,
      etag: `${id}-${file.entry.id}`,
      name: textOf(path.subarray(path.lastIndexOf('/') + 1)),
      type: 'application/octet-stream',
      headers: { 'Longshore-Crc32': crc32Hex(file.crc32), ...(drift && { 'Longshore-Drift': drift }) },
      open: (range) => begun(contentOf(tape, file, range)),
    },
    exchange,
  );
}

/** A stream whose first piece is there: what fails until then isn't a broken connection, but an answer. */
async function begun(pieces: AsyncGenerator<Buffer>): Promise<Readable> {
  const first = await pieces.next();
  return Readable.from(first.done ? [] : following(first.value, pieces), { objectMode: false });
}

async function* following(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
