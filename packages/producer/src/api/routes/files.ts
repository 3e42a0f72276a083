import { FileList, ListFiles, NamedFile, SelectFiles } from '@longshore/shared';
import { pathOf } from '../../browse/entry-path.ts';
import { listDirectory } from '../../browse/list-directory.ts';
import type { ApiContext } from '../context.ts';
import { sendContent } from '../files/send-content.ts';
import { SELECTION_TYPES, sendSelection } from '../files/send-selection.ts';
import { rangeHeaders } from '../ranged/range-headers.ts';
import { type Route, route } from '../route.ts';
import { ExportId } from './exports.ts';

const PROBLEMS = [
  'UNKNOWN_EXPORT',
  'WRONG_PHASE',
  'NO_SUCH_ENTRY',
  'ARCHIVE_GONE',
  'INDEX_TOO_LARGE',
  'CACHE_FULL',
  'PUBLISHED_DAMAGED',
  'UNREACHABLE',
  'ACCESS_DENIED',
] as const;

/** What is in a completed export's archive. */
export function fileRoutes(context: ApiContext): Route[] {
  return [listRoute(context), contentRoute(context), selectionRoute(context)];
}

function listRoute({ browser }: ApiContext): Route {
  return route({
    method: 'get',
    path: '/v1/exports/{id}/files',
    access: 'viewer',
    summary: 'Lists a directory of the archive, page by page',
    description:
      'Entries with UTF-8 names come first, each group in the order of its bytes. The first request of an export fetches its index, which may take longer than an answer: TOO_SLOW says to ask again.',
    params: ExportId,
    query: ListFiles,
    answers: { 200: { description: 'The entry, and a page of what is in it', json: FileList } },
    problems: PROBLEMS,
    handle: async ({ params, query: { cursor, limit, ...named } }) => {
      const path = pathOf(named);
      const json = await browser.open(params.id, ({ index }) =>
        listDirectory(index, path, { cursor, limit }),
      );
      return { status: 200, json };
    },
  });
}

function contentRoute({ browser }: ApiContext): Route {
  return route({
    method: 'get',
    path: '/v1/exports/{id}/files/content',
    access: 'viewer',
    summary: 'One file of the archive',
    description:
      "A hard link gives the file that it is another name of; symbolic links aren't followed. A whole file whose content isn't what was archived ends with a broken connection.",
    params: ExportId,
    query: NamedFile,
    headers: rangeHeaders('file'),
    answers: {
      200: {
        description: 'The bytes',
        type: 'application/octet-stream',
        headers: {
          ETag: 'Strong',
          'Content-Disposition': 'attachment, with a name',
          'Longshore-Crc32': "CRC-32 of the whole file, in 8 hexadecimal digits; a range's answer has it too",
          'Longshore-Drift': 'How the file differed from its plan when it was read, where it did',
        },
      },
      206: { description: 'The range', headers: { 'Content-Range': 'Which one' } },
      304: { description: 'It is the one that If-None-Match names' },
    },
    problems: [...PROBLEMS, 'NOT_A_FILE', 'PRECONDITION_FAILED', 'RANGE_NOT_SATISFIABLE', 'TOO_MANY_STREAMS'],
    lasts: 'open-ended',
    handle: async ({ params: { id }, query, req, res }) => {
      const path = pathOf(query);
      await browser.read(id, (open) => sendContent({ id, path }, open, { req, res }));
      return undefined;
    },
  });
}

function selectionRoute({ browser, limits }: ApiContext): Route {
  return route({
    method: 'post',
    path: '/v1/exports/{id}/selection',
    access: 'viewer',
    summary: 'Chosen files and directories of the archive, as a zip or tar',
    description:
      "Directories come with all that is in them, symbolic links as links, hard links as files of their own; FIFOs and devices are left out. What isn't UTF-8 in a name, and a backslash, is written as % and two hexadecimal digits. It breaks off where something fails.",
    params: ExportId,
    body: SelectFiles,
    answers: {
      200: {
        description: 'The zip or tar; how long it gets is not known beforehand',
        type: Object.values(SELECTION_TYPES),
        headers: { 'Content-Disposition': 'attachment, with a name' },
      },
    },
    problems: [
      ...PROBLEMS,
      'SELECTION_TOO_LARGE',
      'BAD_JSON',
      'BODY_TOO_LARGE',
      'UNSUPPORTED_BODY',
      'TOO_MANY_STREAMS',
    ],
    lasts: 'open-ended',
    handle: async ({ params: { id }, body, res }) => {
      const paths = [
        ...body.paths.map((path) => pathOf({ path })),
        ...body.pathsBase64.map((pathBase64) => pathOf({ pathBase64 })),
      ];
      const wanted = { paths, format: body.format, maxEntries: limits.zipEntries };
      await browser.read(id, (open) => sendSelection(wanted, open, res));
      return undefined;
    },
  });
}
