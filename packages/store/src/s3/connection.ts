import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { StoreError } from '../error.ts';
import { signPayloads } from './payload.ts';

/** What isn't given is found as the AWS SDK finds it: environment, shared files, instance metadata. */
export interface S3Settings {
  /** `https://host[:port]`. */
  endpoint?: string;
  /** Where whoever gets a link reaches the server, if that's elsewhere; the host is part of what is signed. */
  linkEndpoint?: string;
  /** `us-east-1` where neither this nor the SDK's own sources name one. */
  region?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string; expiration?: Date };
  /** `true` where there is an endpoint: few servers answer to `bucket.host`. */
  forcePathStyle?: boolean;
  /** Finds the server's address instead of `dns.lookup`: may refuse it. */
  lookup?: LookupFunction;
  /** The largest object that the server takes, where it isn't as in `MAX_OBJECT_BYTES`. */
  maxObjectBytes?: number;
}

/** S3's own limit is 48.8 TiB since December 2025; most servers that speak its protocol have the one before. */
const MAX_OBJECT_BYTES = { aws: Math.floor(48.8 * 2 ** 40), compatible: 5 * 2 ** 40 };

/** How long a connection may take, and how long a socket may be silent in either direction. */
interface Patience {
  connectMs: number;
  idleMs: number;
}

const PATIENCE = {
  usual: { connectMs: 5_000, idleMs: 30_000 },
  // Some servers copy every part before they say a word. TCP keep-alive still finds out when they are gone.
  completion: { connectMs: 5_000, idleMs: 6 * 3_600_000 },
  // A probe has 25 s for five requests.
  probe: { connectMs: 3_000, idleMs: 5_000 },
} satisfies Record<string, Patience>;

/** Without one the SDK writes warnings to the console; what it warns of is an error that's reported anyway. */
const ignore = () => undefined;
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

export type Manner = keyof typeof PATIENCE;

/** Clients of one account that share credentials and connections, and differ in their patience. */
export interface S3Connection extends Record<Manner, S3Client> {
  /** Signs links, and sends nothing. */
  links: S3Client;
  /** For messages, without credentials. */
  endpoint: string;
  /** Over TLS, which protects the bytes itself, payloads aren't hashed. */
  signsPayloads: boolean;
  maxObjectBytes: number;
  close(): void;
}

/** Reads the SDK's configuration sources; sends nothing. Rejects with BAD_DESTINATION. */
export async function connect(settings: S3Settings): Promise<S3Connection> {
  const { endpoint, region } = await resolve(settings);
  // Whoever calls bounds concurrency; with a limit here the SDK would also warn on the console.
  const { lookup } = settings;
  const limits = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ...(lookup && { lookup }) };
  const httpAgent = new HttpAgent(limits);
  const httpsAgent = new HttpsAgent(limits);
  const clientWith = (
    { connectMs, idleMs }: Patience,
    credentials: S3ClientConfig['credentials'],
    place = endpoint,
  ) => {
    const client = new S3Client({
      endpoint: place?.href,
      region,
      credentials,
      forcePathStyle: settings.forcePathStyle ?? place !== undefined,
      // RetryingStore repeats whole calls, because a stream can't be sent a second time.
      maxAttempts: 1,
      logger: SILENT,
      // Parts with checksums of their own must be numbered without gaps, and streams would be sent as aws-chunked.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // With it the SDK opens a new connection for every part.
      expectContinueHeader: false,
      requestHandler: new NodeHttpHandler({
        httpAgent,
        httpsAgent,
        connectionTimeout: connectMs,
        socketTimeout: idleMs,
      }),
    });
    signPayloads(client);
    return client;
  };
  const usual = clientWith(PATIENCE.usual, settings.credentials);
  const shared = settings.credentials ?? usual.config.credentials;
  const { linkEndpoint } = settings;
  return {
    usual,
    links: linkEndpoint ? clientWith(PATIENCE.usual, shared, parseEndpoint(linkEndpoint)) : usual,
    completion: clientWith(PATIENCE.completion, shared),
    probe: clientWith(PATIENCE.probe, shared),
    endpoint: endpoint?.origin ?? `AWS (${region})`,
    maxObjectBytes: settings.maxObjectBytes ?? MAX_OBJECT_BYTES[endpoint ? 'compatible' : 'aws'],
    signsPayloads: endpoint?.protocol === 'http:',
    close: () => {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** The endpoint and region that the SDK would use, asked of a client that is made for nothing else. */
async function resolve(settings: S3Settings): Promise<{ endpoint: URL | undefined; region: string }> {
  const scout = new S3Client({ region: settings.region, endpoint: settings.endpoint });
  try {
    const endpoint = settings.endpoint ?? (await scout.config.serviceConfiguredEndpoint?.());
    const region = await scout.config.region().catch(() => 'us-east-1');
    return { endpoint: endpoint === undefined ? undefined : parseEndpoint(endpoint), region };
  } finally {
    scout.destroy();
  }
}

function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (!url || !isWeb)
    throw new StoreError(
      'BAD_DESTINATION',
      `the S3 endpoint must be http://… or https://…, not ${JSON.stringify(text.replace(/\/\/[^/]*@/, '//'))}`,
    );
  if (url.username || url.password)
    throw new StoreError(
      'BAD_DESTINATION',
      `the S3 endpoint ${url.host} must not have credentials in it; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  return url;
}
