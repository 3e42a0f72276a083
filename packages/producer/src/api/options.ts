import type { Store } from '@longshore/store';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { ExportsApi } from '../exports/exports.ts';
import type { RecordStore } from '../records/record-store.ts';
import type { CallerDirectory } from './auth/token-file.ts';
import type { LiveArchives } from './live/live-archives.ts';

/** What the API needs of a producer. */
export interface ApiProducer {
  readonly exports: ExportsApi;
  readonly records: RecordStore;
  readonly queue: Queue;
  readonly reconciler: { readonly queue: Queue };
  readonly redis: Redis;
  readonly volumes: ReadonlySet<string>;
  readonly destinations: ReadonlyMap<string, Store>;
}

export interface ApiLimits {
  /** A request with a thousand exclude patterns has about 100 KB. */
  bodyBytes: number;
  /** Of one caller, by token or by address: 100 a second, which no person and few scripts reach. */
  requestsPerMinute: number;
  /** Without a good token, from one address: more is guessing, or a client that was never set up. */
  failuresPerMinute: number;
  /** For what waits on Redis or a store; longer than the store's own patience with a request (30 s). */
  answerMs: number;
  /** Redis answers in less than a millisecond; a prober gives up after a second or two. */
  readinessMs: number;
  /** A stream takes about 20 KB here, and a file descriptor. */
  streams: number;
  /** What may wait for a slow reader of a stream before it's dropped: half a minute's events at their largest. */
  streamBufferBytes: number;
  /** Between two looks at a watched export. */
  watchMs: number;
  /** Proxies close a connection that is silent for 30 to 60 s. */
  heartbeatMs: number;
  /** How long a signed link is good for; whoever downloads for longer asks for another. */
  linkSeconds: number;
  /** Of the indexes of archives that are browsed, on this machine's disk: some 116 bytes an entry. */
  indexCacheBytes: number;
  /** Files and selections that are read out of archives at once: each takes some 10 MB. */
  fileReads: number;
  /** Of a selection as a zip, which keeps the list of them in memory, 1 KB each. */
  zipEntries: number;
}

export const API_LIMITS: Readonly<ApiLimits> = {
  bodyBytes: 1_048_576,
  requestsPerMinute: 6_000,
  failuresPerMinute: 60,
  answerMs: 35_000,
  readinessMs: 2_000,
  streams: 10_000,
  streamBufferBytes: 65_536,
  watchMs: 1_000,
  heartbeatMs: 15_000,
  linkSeconds: 3_600,
  indexCacheBytes: 2 * 2 ** 30,
  fileReads: 32,
  zipEntries: 100_000,
};

export interface ApiOptions {
  producer: ApiProducer;
  logger: Logger;
  /** Where live volumes are had from; without it there are none. */
  live?: LiveArchives;
  /** Who may come in. Without it everyone on this machine may do everything, and nobody else gets in. */
  tokens?: CallerDirectory;
  /** Where others reach this server, for links and for browsers' Origin; the request's own Host where it's left out. */
  publicUrl?: string;
  /** `open`: metrics are for everyone who reaches the port. `token`, the default: as everything else. */
  metricsAccess?: 'token' | 'open';
  /** Addresses of proxies whose `X-Forwarded-For` is believed, as express's `trust proxy` takes them. */
  trustedProxies?: readonly string[];
  /** For the indexes of archives that are browsed; the system's own folder for temporary files where it's left out. */
  cacheFolder?: string;
  limits?: Partial<ApiLimits>;
}
