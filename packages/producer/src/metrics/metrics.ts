import { type ListExports, PHASES } from '@longshore/shared';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { withinTime } from '../api/within-time.ts';
import type { ExportsApi } from '../exports/exports.ts';
import type { RecordStore } from '../records/record-store.ts';

export interface MetricsOptions {
  exports: Pick<ExportsApi, 'list'>;
  records: Pick<RecordStore, 'countPhases'>;
  queue: Queue;
  redis: Redis;
  /** How many event streams there are. */
  streams: () => number;
  /** What is in Redis is left out where it can't be had in this time: the rest still says something. */
  redisMs: number;
}

/** Phases in which an export has workers. A page of each is looked at; more at once is more than a pool can do. */
const ACTIVE = ['Planning', 'Packing', 'Finalizing'] as const satisfies readonly ListExports['phase'][];
const PAGE = 200;

/** Seconds: from a health check to an answer that a store was asked for. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** What Prometheus reads: this process, HTTP, exports, and BullMQ's own figures of the queue. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #exports: Gauge<'phase'>;
  readonly #active: Gauge<'what'>;
  readonly #redisUp: Gauge;
  readonly #streams: Gauge;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'longshore_http_request_seconds',
      help: 'Answered requests, by route and status, and how long they took',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers,
    });
    this.#exports = new Gauge({
      name: 'longshore_exports',
      help: 'Exports that there is a record of, by phase',
      labelNames: ['phase'],
      registers,
    });
    this.#active = new Gauge({
      name: 'longshore_active_exports_progress',
      help: 'Sums over the exports that are being planned, packed or finalized: items, bytes, bytes a second',
      labelNames: ['what'],
      registers,
    });
    this.#streams = new Gauge({ name: 'longshore_event_streams', help: 'Open event streams', registers });
    this.#redisUp = new Gauge({
      name: 'longshore_redis_up',
      help: '1 where Redis answered in time; without it, figures of exports and queues are left out',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  observe(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  async text(): Promise<string> {
    this.#streams.set(this.#options.streams());
    const queue = await this.#fromRedis();
    return `${await this.#registry.metrics()}${queue}`;
  }

  /** BullMQ's text, after the gauges were set. A Redis that is away is told by a gauge, and is no error here. */
  async #fromRedis(): Promise<string> {
    const { redisMs: ms } = this.#options;
    this.#exports.reset();
    this.#active.reset();
    try {
      const [text] = await withinTime(
        Promise.all([this.#queueText(), this.#countExports(), this.#sumProgress()]),
        {
          ms,
          code: 'NOT_READY',
          message: "Redis didn't answer in time.",
        },
      );
      this.#redisUp.set(1);
      return text;
    } catch {
      this.#redisUp.set(0);
      return '';
    }
  }

  async #queueText(): Promise<string> {
    return `${await this.#options.queue.exportPrometheusMetrics()}\n`;
  }

  async #countExports(): Promise<void> {
    const counts = await this.#options.records.countPhases();
    for (const phase of PHASES) this.#exports.set({ phase }, counts[phase] ?? 0);
  }

  async #sumProgress(): Promise<void> {
    const lists = ACTIVE.map((phase) => this.#options.exports.list({ phase, limit: PAGE }));
    const active = (await Promise.all(lists)).flatMap(({ exports }) => exports);
    const sum = (pick: (progress: (typeof active)[number]['progress']) => number) =>
      active.reduce((total, { progress }) => total + pick(progress), 0);
    const sums = {
      items: sum(({ items }) => items),
      done_items: sum(({ doneItems }) => doneItems),
      tape_bytes: sum(({ tapeBytes }) => tapeBytes),
      done_tape_bytes: sum(({ doneTapeBytes }) => doneTapeBytes),
      archive_bytes: sum(({ archiveBytes }) => archiveBytes),
      retries: sum(({ retries }) => retries),
      bytes_per_second: sum(({ bytesPerSecond }) => bytesPerSecond ?? 0),
    };
    for (const [what, value] of Object.entries(sums)) this.#active.set({ what }, value);
  }
}
