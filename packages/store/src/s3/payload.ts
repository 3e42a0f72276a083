import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { checkBody, sha256Of, streamOf } from '../body.ts';
import type { Body } from '../store.ts';
import { s3CodeOf } from './fault.ts';
import { bareEtag } from './listing.ts';

/** Which body a request's stream was made from. */
const bodies = new WeakMap<object, Body>();

interface HttpRequest {
  protocol: string;
  headers: Record<string, string>;
  body?: unknown;
}

function isHttpRequest(request: unknown): request is HttpRequest {
  return typeof request === 'object' && request !== null && 'headers' in request && 'protocol' in request;
}

/**
 * Has the client sign every payload with its SHA-256 (`x-amz-content-sha256`, Signature Version 4, "Single
 * chunk"), which the server verifies: the hash that the body came with, or one computed here. Over TLS, which
 * protects the bytes itself, a hash that isn't there already isn't worth its CPU.
 */
export function signPayloads(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      const body =
        isHttpRequest(request) && typeof request.body === 'object' && request.body
          ? bodies.get(request.body)
          : undefined;
      if (body && isHttpRequest(request))
        request.headers['x-amz-content-sha256'] = await payloadHash(request, body);
      return next(args);
    },
    { step: 'build', name: 'signPayloads' },
  );
}

function payloadHash({ protocol }: HttpRequest, body: Body): Promise<string> | string {
  return protocol === 'https:' ? (body.sha256 ?? 'UNSIGNED-PAYLOAD') : sha256Of(body);
}

export interface Payload {
  Body: Readable;
  ContentLength: number;
}

interface Delivery {
  signal: AbortSignal | undefined;
  send: (payload: Payload, sending: { abortSignal: AbortSignal }) => Promise<{ ETag?: string }>;
  /** Asks the server, without a body, for what could make it refuse this one, and rejects with that. */
  ask: () => Promise<void>;
}

/** A server that refuses a body unread closes the connection, and its answer is often lost on the way. */
const CUT_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Sends `body` once and gives the ETag. The request ends with the stream: when the body can't be read, and
 * when the server has answered before it took all of it.
 */
export async function sendPayload(body: Body, { signal, send, ask }: Delivery): Promise<string> {
  checkBody(body);
  const stream = streamOf(body);
  bodies.set(stream, body);
  const end = new AbortController();
  stream.once('error', (error) => end.abort(error));
  try {
    const abortSignal = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
    const { ETag } = await send({ Body: stream, ContentLength: body.bytes }, { abortSignal });
    return bareEtag(ETag);
  } catch (error) {
    if (end.signal.aborted) throw end.signal.reason;
    if (CUT_OFF.has(s3CodeOf(error)) && !signal?.aborted) await ask();
    throw error;
  } finally {
    end.abort();
    stream.destroy();
  }
}
