import { ChangeExport, CreateExport, ExportList, ExportStatus, ListExports } from '@longshore/shared';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { type Route, route } from '../route.ts';

export const ExportId = z.object({ id: z.string().regex(/^[a-z0-9-]{1,64}$/, "isn't an export's id") });

const IDEMPOTENCY_KEY = 'idempotency-key';

/** Visible ASCII (the IETF's draft-ietf-httpapi-idempotency-key-header has a quoted string, and few send quotes). */
const CreateHeaders = z.object({
  [IDEMPOTENCY_KEY]: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional(),
});

const STATUS = { description: 'The export', json: ExportStatus };

/** Requests, and what may be done with one: `api.md` has them in words. */
export function exportRoutes({ producer }: ApiContext): Route[] {
  const { exports } = producer;
  return [
    route({
      method: 'post',
      path: '/v1/exports',
      access: 'operator',
      summary: 'Requests an export',
      description:
        'With an Idempotency-Key it can be sent again when its answer was lost: for 24 hours, the same key with the same body gives the same export.',
      headers: CreateHeaders,
      body: CreateExport,
      answers: {
        200: { ...STATUS, description: 'The export that this Idempotency-Key has made before' },
        201: { ...STATUS, description: 'The new export', headers: { Location: "The export's address" } },
      },
      problems: [
        'BAD_EXCLUDE',
        'BAD_JSON',
        'BODY_TOO_LARGE',
        'UNSUPPORTED_BODY',
        'UNKNOWN_VOLUME',
        'UNKNOWN_DESTINATION',
        'NAME_TAKEN',
        'ARCHIVE_EXISTS',
        'IDEMPOTENCY_MISMATCH',
        'UNREACHABLE',
        'ACCESS_DENIED',
      ],
      handle: async ({ body, headers, caller }) => {
        const key = headers[IDEMPOTENCY_KEY];
        const idempotency = key === undefined ? undefined : { caller: caller().name, key };
        const { status, existed } = await exports.create(body, idempotency);
        return {
          status: existed ? 200 : 201,
          json: status,
          headers: { Location: `/v1/exports/${status.id}` },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/exports',
      access: 'viewer',
      summary: 'Lists exports, newest first',
      query: ListExports,
      answers: { 200: { description: 'One page', json: ExportList } },
      problems: [],
      handle: async ({ query }) => ({ status: 200, json: await exports.list(query) }),
    }),
    route({
      method: 'get',
      path: '/v1/exports/{id}',
      access: 'viewer',
      summary: 'Where an export stands',
      params: ExportId,
      answers: { 200: STATUS },
      problems: ['UNKNOWN_EXPORT'],
      handle: async ({ params }) => ({ status: 200, json: await exports.get(params.id) }),
    }),
    ...actionRoutes(exports),
    route({
      method: 'patch',
      path: '/v1/exports/{id}',
      access: 'operator',
      summary: 'Has more workers do an export, or fewer; in a cluster',
      params: ExportId,
      body: ChangeExport,
      answers: { 200: STATUS },
      problems: [
        'BAD_JSON',
        'BODY_TOO_LARGE',
        'UNSUPPORTED_BODY',
        'UNKNOWN_EXPORT',
        'WRONG_PHASE',
        'RECORD_CHANGED',
      ],
      handle: async ({ params, body }) => ({ status: 200, json: await exports.change(params.id, body) }),
    }),
    route({
      method: 'delete',
      path: '/v1/exports/{id}',
      access: 'operator',
      summary: 'Deletes an export that has ended, with what it published',
      params: ExportId,
      answers: { 202: { description: "It's being deleted; once it is, its address answers 404" } },
      problems: ['UNKNOWN_EXPORT', 'WRONG_PHASE', 'RECORD_CHANGED'],
      handle: async ({ params }) => {
        await exports.delete(params.id);
        return { status: 202 };
      },
    }),
  ];
}

const ACTIONS = {
  cancel: 'Gives an export up: its uploads and its work area are removed',
  retry: 'Goes on with an export that failed or was cancelled; finished items are not packed again',
  suspend: 'Lets an export rest; what is done stays done',
  resume: 'Goes on with a suspended export',
} as const;

function actionRoutes(exports: ApiContext['producer']['exports']): Route[] {
  return (Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]).map((action) =>
    route({
      method: 'post',
      path: `/v1/exports/{id}/${action}`,
      access: 'operator',
      summary: ACTIONS[action],
      params: ExportId,
      answers: { 202: { ...STATUS, description: 'The export, which is on its way there' } },
      problems: ['UNKNOWN_EXPORT', 'WRONG_PHASE', 'RECORD_CHANGED'],
      handle: async ({ params }) => ({ status: 202, json: await exports[action](params.id) }),
    }),
  );
}
