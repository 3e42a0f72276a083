import type { Request, Response } from 'express';
import { z } from 'zod';
import { callerOf } from './auth/caller.ts';
import type { Caller, Role } from './auth/role.ts';
import type { ProblemCode } from './problem/table.ts';

/** `anyone`: also without a token. */
export type Access = Role | 'anyone';

export interface AnswerSpec {
  description: string;
  /** What it holds, as JSON; or of which kind it is, for people to read. */
  json?: z.ZodType;
  type?: string | readonly string[];
  headers?: Readonly<Record<string, string>>;
}

/** What the document says of a route, and what the router checks before its handler is asked. */
export interface RouteSpec<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
  Body extends z.ZodType,
> {
  method: 'get' | 'head' | 'post' | 'patch' | 'delete';
  /** As OpenAPI writes it: `/v1/exports/{id}`. */
  path: string;
  access: Access;
  summary: string;
  description?: string;
  params?: Params;
  query?: Query;
  headers?: Headers;
  body?: Body;
  answers: Readonly<Record<number, AnswerSpec>>;
  /** Besides those that every route may have. */
  problems: readonly ProblemCode[];
  /** Lasts as long as the caller wants; other routes answer within `answerMs`. */
  lasts?: 'open-ended';
  /** Gives an answer to be sent as JSON, or has answered by itself. */
  handle(
    call: Call<z.infer<Params>, z.infer<Query>, z.infer<Headers>, z.infer<Body>>,
  ): Promise<Answer | undefined> | Answer;
}

/** A request whose parts have been checked. */
export interface Call<Params, Query, Headers, Body> {
  params: Params;
  query: Query;
  headers: Headers;
  body: Body;
  caller: () => Caller;
  req: Request;
  res: Response;
}

export interface Answer {
  status: number;
  json?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** A route without the types of its parts, so that all are of one kind. */
export interface Route extends Omit<RouteSpec<z.ZodObject, z.ZodObject, z.ZodObject, z.ZodType>, 'handle'> {
  /** Checks the request's parts (rejecting with a ZodError) and asks the handler. */
  run(req: Request, res: Response): Promise<Answer | undefined>;
}

const NOTHING = z.object({});

/** One row of the table of routes. */
export function route<
  Params extends z.ZodObject = typeof NOTHING,
  Query extends z.ZodObject = typeof NOTHING,
  Headers extends z.ZodObject = typeof NOTHING,
  Body extends z.ZodType = z.ZodUndefined,
>(spec: RouteSpec<Params, Query, Headers, Body>): Route {
  const { handle, ...rest } = spec;
  const run = async (req: Request, res: Response) =>
    handle({
      params: parsePart('path', spec.params, req.params) as z.infer<Params>,
      query: parsePart('query', spec.query, req.query) as z.infer<Query>,
      headers: parsePart('headers', spec.headers, req.headers) as z.infer<Headers>,
      body: parsePart('body', spec.body, req.body) as z.infer<Body>,
      caller: () => callerOf(req),
      req,
      res,
    });
  return { ...rest, run };
}

/** The parsed part, or an empty one where the route has no schema for it; a fault's path begins with the part's name. */
function parsePart(part: string, schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return {};
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new z.ZodError(parsed.error.issues.map((issue) => ({ ...issue, path: [part, ...issue.path] })));
}
