import { basename } from 'node:path/posix';
import type { SelectionFormat } from '@longshore/shared';
import { create as contentDisposition } from 'content-disposition';
import type { Response } from 'express';
import type { OpenArchive } from '../../browse/browser.ts';
import { packSelection } from '../../browse/selection/pack-selection.ts';
import { expectAtMost, selectedPaths } from '../../browse/selection/selected.ts';
import { isDeparture } from '../ranged/send-ranged.ts';
import { whileConnected } from './while-connected.ts';

export interface WantedSelection {
  paths: readonly Buffer[];
  format: SelectionFormat;
  /** Of a zip. */
  maxEntries: number;
}

export const SELECTION_TYPES: Readonly<Record<SelectionFormat, string>> = {
  zip: 'application/zip',
  tar: 'application/x-tar',
};

/** Answers with the chosen entries; everything that can be refused is, before the first byte is sent. */
export async function sendSelection(
  { format, maxEntries, ...wanted }: WantedSelection,
  open: OpenArchive,
  res: Response,
): Promise<void> {
  using connection = whileConnected(res);
  const { signal } = connection;
  const paths = selectedPaths(open.index, wanted.paths);
  if (format === 'zip') await expectAtMost(maxEntries, { index: open.index, paths, signal });
  const name = basename(open.archive.key).replace(/\.tar(\.\w+)?$/, '');
  res.status(200).set({
    'Content-Type': SELECTION_TYPES[format],
    'Content-Disposition': contentDisposition(`${name}-selection.${format}`),
    'Cache-Control': 'no-store',
  });
  try {
    await packSelection(open, { paths, format }, { output: res, signal });
  } catch (error) {
    if (!signal.aborted && !isDeparture(error)) throw error;
  }
}
