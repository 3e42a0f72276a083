import { ExportLinks } from '@longshore/shared';
import { create as contentDisposition } from 'content-disposition';
import type { z } from 'zod';
import type { PublishedArchive } from '../../exports/exports.ts';
import type { ApiContext } from '../context.ts';
import { linkTo } from '../published/link-to.ts';
import { archiveLink, linksOf } from '../published/links.ts';
import { metalinkOf } from '../published/metalink.ts';
import { type PublishedObject, sendObject } from '../published/send-object.ts';
import { rangeHeaders } from '../ranged/range-headers.ts';
import { type Call, type Route, type RouteSpec, route } from '../route.ts';
import { ExportId } from './exports.ts';

type ById = Pick<Call<z.infer<typeof ExportId>, object, object, undefined>, 'params' | 'req' | 'res'>;

interface Published {
  /** The last component of its address. */
  name: 'archive' | 'index' | 'manifest';
  what: string;
  object: (archive: PublishedArchive) => PublishedObject;
}

const PUBLISHED: readonly Published[] = [
  { name: 'archive', what: 'The archive', object: (archive) => archive },
  {
    name: 'index',
    what: "The archive's index (an SQLite database)",
    object: ({ store, index: key }) => ({ store, key }),
  },
  {
    name: 'manifest',
    what: "The archive's manifest (JSON)",
    object: ({ store, manifest: key }) => ({ store, key }),
  },
];

/** What a completed export has published: the objects themselves, and links to them. */
export function publishedRoutes(context: ApiContext): Route[] {
  const objects = PUBLISHED.flatMap((published) => [
    objectRoute(published, { method: 'get', context }),
    objectRoute(published, { method: 'head', context }),
  ]);
  return [...objects, linksRoute(context), metalinkRoute(context)];
}

const ANSWERS: RouteSpec<z.ZodObject, z.ZodObject, z.ZodObject, z.ZodUndefined>['answers'] = {
  200: {
    description: 'From a directory: the bytes',
    headers: { ETag: 'Strong', 'Accept-Ranges': 'bytes', 'Content-Disposition': 'attachment, with a name' },
  },
  206: { description: 'From a directory: the range', headers: { 'Content-Range': 'Which one' } },
  302: {
    description: 'From S3: a link that was signed for this method just now',
    headers: { Location: 'The link' },
  },
  304: { description: 'From a directory: it is the one that If-None-Match names' },
};

/** A link signed for GET answers 403 to HEAD, so each method gets its own. */
function objectRoute(
  { name, what, object }: Published,
  { method, context }: { method: 'get' | 'head'; context: ApiContext },
): Route {
  return route({
    method,
    path: `/v1/exports/{id}/${name}`,
    access: 'viewer',
    summary:
      method === 'get' ? `${what} of a completed export` : `${what}: whether it is there, and its size`,
    params: ExportId,
    headers: rangeHeaders('object'),
    answers: ANSWERS,
    problems: [
      'UNKNOWN_EXPORT',
      'WRONG_PHASE',
      'ARCHIVE_GONE',
      'PRECONDITION_FAILED',
      'RANGE_NOT_SATISFIABLE',
      'UNREACHABLE',
      'ACCESS_DENIED',
    ],
    lasts: 'open-ended',
    handle: async (call) =>
      give(object(await context.producer.exports.archive(call.params.id)), call, context),
  });
}

async function give(object: PublishedObject, { req, res }: ById, context: ApiContext) {
  const method = req.method === 'HEAD' ? 'HEAD' : 'GET';
  const link = await linkTo(object, { method, expiresSeconds: context.limits.linkSeconds });
  if (link) return { status: 302, headers: { Location: link.url } };
  await sendObject(object, { req, res });
  return undefined;
}

function linksRoute(context: ApiContext): Route {
  return route({
    method: 'get',
    path: '/v1/exports/{id}/links',
    access: 'viewer',
    summary: 'Links to the archive, its index and its manifest, signed now',
    description:
      '`segments` are consecutive ranges of the archive with the CRC-32 of their bytes: a download is checked, and repeated, range by range.',
    params: ExportId,
    answers: { 200: { description: 'Where the bytes are', json: ExportLinks } },
    problems: ['UNKNOWN_EXPORT', 'WRONG_PHASE', 'PUBLISHED_DAMAGED', 'UNREACHABLE', 'ACCESS_DENIED'],
    handle: async ({ params: { id }, req }) => {
      const archive = await context.producer.exports.archive(id);
      return { status: 200, json: await linksOf({ id, archive, req }, context) };
    },
  });
}

const METALINK_TYPE = 'application/metalink4+xml';

function metalinkRoute(context: ApiContext): Route {
  return route({
    method: 'get',
    path: '/v1/exports/{id}/archive.meta4',
    access: 'viewer',
    summary: 'The link to the archive as a Metalink (RFC 5854), signed now',
    params: ExportId,
    answers: { 200: { description: 'For aria2c and its like', type: METALINK_TYPE } },
    problems: ['UNKNOWN_EXPORT', 'WRONG_PHASE', 'UNREACHABLE', 'ACCESS_DENIED'],
    handle: (call) => giveMetalink(call, context),
  });
}

async function giveMetalink({ params: { id }, req, res }: ById, context: ApiContext): Promise<undefined> {
  const archive = await context.producer.exports.archive(id);
  const { url } = await archiveLink({ id, archive, req }, context);
  const name = archive.key.slice(archive.key.lastIndexOf('/') + 1);
  res.set({
    'Content-Type': METALINK_TYPE,
    'Cache-Control': 'no-store',
    'Content-Disposition': contentDisposition(`${name}.meta4`),
  });
  res.send(metalinkOf({ name, bytes: archive.bytes, url }));
}
