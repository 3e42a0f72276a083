import { STATUS_CODES } from 'node:http';
import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type ResponseConfig,
  type RouteConfig,
  zodToOpenAPIRegistry,
} from '@asteasolutions/zod-to-openapi';
import {
  CreateExport,
  DestinationList,
  ExportLinks,
  ExportList,
  ExportStatus,
  FileList,
  PartMap,
  Problem,
  VolumeList,
} from '@longshore/shared';
import { PROBLEMS, type ProblemCode } from './problem/table.ts';
import type { AnswerSpec, Route } from './route.ts';

type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** Of the API, not of the program: what clients rely on. */
const VERSION = '1.0.0';

/** What the document defines once and refers to, by these names. */
const NAMED = {
  ...{ CreateExport, ExportStatus, ExportList, ExportLinks, FileList, PartMap },
  ...{ VolumeList, DestinationList, Problem },
};
for (const [refId, schema] of Object.entries(NAMED))
  zodToOpenAPIRegistry.add(schema, { _internal: { refId } });

/** What any route may answer, besides its own problems. */
const ALWAYS: readonly ProblemCode[] = [
  'BAD_REQUEST',
  'FOREIGN_HOST',
  'NOT_ACCEPTABLE',
  'TOO_SLOW',
  'INTERNAL',
];
const WITH_TOKEN: readonly ProblemCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'TOO_MANY_REQUESTS'];

/** OpenAPI 3.1, made of the same table that the router is made of. */
export function documentOf(routes: readonly Route[]): Document {
  const registry = new OpenAPIRegistry();
  const { name: bearer } = registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of the operator. A page in a browser also takes it as the password of HTTP Basic.',
  });
  for (const each of routes) registry.registerPath(operationOf(each, bearer));
  return new OpenApiGeneratorV31([
    ...registry.definitions,
    { type: 'schema', schema: PartMap },
  ]).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Longshore',
      version: VERSION,
      description:
        'Exports volumes as standard archives. Errors are problem documents (RFC 9457) with a stable code.',
    },
    servers: [{ url: '/' }],
  });
}

function operationOf(route: Route, bearer: string): RouteConfig {
  const { params, query, headers, body } = route;
  return {
    method: route.method,
    path: route.path,
    operationId: operationId(route),
    summary: route.summary,
    description: route.description,
    security: route.access === 'anyone' ? [] : [{ [bearer]: [] }],
    'x-longshore-access': route.access,
    request: {
      params,
      query,
      headers,
      ...(body && { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: { ...answersOf(route), ...problemsOf(route), ...TOO_LONG },
  };
}

/** Said by the HTTP server itself, before it looks at anything, and so without a problem. */
const TOO_LONG = { 431: { description: 'The address and the headers are longer than 64 KiB together' } };

/** `post /v1/exports/{id}/cancel` is `postExportsCancel`. */
function operationId({ method, path }: Route): string {
  const words = path.split('/').filter((part) => /^[a-z]/.test(part) && part !== 'v1');
  const named = words.map((word) => word.replace('.meta4', 'Metalink').replace(/\.\w+$/, ''));
  return method + named.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
}

function answersOf({ answers, method }: Route): Record<string, ResponseConfig> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [status, answerOf(answer, method)]),
  );
}

function answerOf(
  { description, json, type, headers = {} }: AnswerSpec,
  method: Route['method'],
): ResponseConfig {
  const described = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' as const } },
  ]);
  const answer = { description, headers: Object.fromEntries(described) };
  if (method === 'head' || (!json && !type)) return answer;
  const types = [type ?? 'application/json'].flat();
  const schema = json ? { schema: json } : {};
  return { ...answer, content: Object.fromEntries(types.map((name) => [name, schema])) };
}

function problemsOf({ access, problems }: Route): Record<string, ResponseConfig> {
  const codes = [...ALWAYS, ...(access === 'anyone' ? [] : WITH_TOKEN), ...problems];
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, grouped]) => [
      status,
      {
        description: `${STATUS_CODES[status]}: ${grouped.join(', ')}`,
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  );
}
