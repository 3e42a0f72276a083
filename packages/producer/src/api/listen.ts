import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProducerError } from '../error.ts';
import { type Api, createApi } from './api.ts';
import { expectSafeAddress } from './auth/loopback.ts';
import type { ApiOptions } from './options.ts';

/** A path in a query, of characters that are nine there. */
const MAX_HEADER_BYTES = 64 * 1_024;

/** How long requests under way have when the server closes; a download that is cut off can be resumed. */
const GRACE_MS = 10_000;

export interface Address {
  /** A name or an address of this machine; `0.0.0.0` or `::` for all of them. */
  host: string;
  /** 0 for any that is free. */
  port: number;
}

export interface Listening extends AsyncDisposable {
  /** Where it can be reached, as far as its address says: `http://127.0.0.1:8080`. */
  url: string;
  port: number;
  /** Takes no more requests, ends event streams, and waits for the others, `graceMs` (10 s) at most. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/**
 * Serves the API. Rejects with AUTH_REQUIRED where others than this machine could reach it without a token, and with
 * CANNOT_LISTEN where the address can't be had.
 */
export async function listen(address: Address, options: ApiOptions): Promise<Listening> {
  expectSafeAddress(address.host, { hasTokens: options.tokens !== undefined });
  return listenWith(address, createApi(options));
}

/** What is served, and how it's told that it ends. */
type Served = Pick<Api, 'app' | 'close'>;

/** Serves an application, whoever may reach it; it's closed with the server. Rejects with CANNOT_LISTEN. */
export async function listenWith(address: Address, api: Served): Promise<Listening> {
  try {
    const server = await bind(createServer({ maxHeaderSize: MAX_HEADER_BYTES }, api.app), address);
    return handleOf({ server, api }, address.host);
  } catch (error) {
    await api.close();
    throw error;
  }
}

async function bind(server: Server, { host, port }: Address): Promise<Server> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
    return server;
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause;
    const message = `Can't listen on ${host}:${port} (${reason}): choose another address or port.`;
    throw new ProducerError('CANNOT_LISTEN', message, { cause });
  }
}

function handleOf({ server, api }: { server: Server; api: Served }, host: string): Listening {
  const { port } = server.address() as AddressInfo;
  const close = async ({ graceMs = GRACE_MS } = {}) => {
    await Promise.all([closeServer(server, graceMs), api.close()]);
  };
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { url, port, close, [Symbol.asyncDispose]: () => close() };
}

/** A connection whose request has been answered would be kept for seconds, for the next one. */
const LET_GO_MS = 50;

/** Requests under way are answered, or cut off at the end of the grace. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const letGo = setInterval(() => server.closeIdleConnections(), LET_GO_MS);
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await closed;
  } finally {
    clearInterval(letGo);
    clearTimeout(cutOff);
  }
}
