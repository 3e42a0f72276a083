import type { ExportLinks } from '@longshore/shared';
import type { Request } from 'express';
import type { PublishedArchive } from '../../exports/exports.ts';
import type { ApiContext } from '../context.ts';
import { linkTo } from './link-to.ts';
import { segmentsOf } from './segments.ts';

export interface Asked {
  id: string;
  archive: PublishedArchive;
  req: Request;
}

/** Links to the archive and to what stands beside it, and what to check a download by. */
export async function linksOf(asked: Asked, context: ApiContext): Promise<ExportLinks> {
  const { archive } = asked;
  const [whole, index, manifest] = await Promise.all([
    archiveLink(asked, context),
    objectLink(asked, { what: 'index', key: archive.index }, context),
    objectLink(asked, { what: 'manifest', key: archive.manifest }, context),
  ]);
  const expiries = [whole, index, manifest].flatMap(({ expiresIn }) => expiresIn ?? []);
  return {
    ...{ archive: whole.url, index: index.url, manifest: manifest.url },
    ...{ bytes: archive.bytes, etag: archive.etag },
    ...(expiries.length > 0 && { expiresIn: Math.min(...expiries) }),
    segments: await segmentsOf(archive),
  };
}

interface Link {
  url: string;
  expiresIn?: number;
}

/** Where the archive's bytes are: in its store, or else here. */
export function archiveLink(asked: Asked, context: ApiContext): Promise<Link> {
  return objectLink(asked, { what: 'archive', key: asked.archive.key }, context);
}

async function objectLink(
  { id, archive: { store }, req }: Asked,
  { what, key }: { what: string; key: string },
  { limits, publicUrl }: ApiContext,
): Promise<Link> {
  const link = await linkTo({ store, key }, { method: 'GET', expiresSeconds: limits.linkSeconds });
  if (link) return link;
  const base = publicUrl ?? `${req.protocol}://${req.get('host')}`;
  return { url: new URL(`/v1/exports/${id}/${what}`, base).href };
}
