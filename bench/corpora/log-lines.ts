import { Seeded } from './seeded.ts';

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const STATUSES = [200, 200, 200, 200, 201, 204, 304, 400, 401, 404, 409, 429, 500, 502, 503];
const LEVELS = ['info', 'info', 'info', 'info', 'debug', 'debug', 'warn', 'error'];
const RESOURCES = [
  'orders',
  'customers',
  'invoices',
  'shipments',
  'containers',
  'berths',
  'tariffs',
  'users',
];
const TABLES = ['order_lines', 'accounts', 'shipment_events', 'berth_slots', 'audit', 'sessions'];
const COLUMNS = ['id', 'account_id', 'updated_at', 'state', 'tenant', 'reference'];
const TOPICS = ['orders.created', 'orders.paid', 'shipments.moved', 'invoices.due', 'users.changed'];
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'okhttp/5.1.0',
  'Go-http-client/2.0',
  'python-requests/2.32.5',
];
const FAULTS = [
  'connection reset by peer',
  'context deadline exceeded',
  'deadlock detected',
  'upstream sent no response',
  'duplicate key value violates unique constraint',
];
const ZONES = ['eu-west-1a', 'eu-west-1b', 'eu-central-1a', 'us-east-1c'];

/** Milliseconds since 1970 at which all logs begin. */
const BEGIN = Date.UTC(2026, 8, 1);
const MEAN_GAP_MS = 12;

/** One service's log: JSON lines without end, of the kinds that services write, in the order of their time. */
export class LogLines {
  readonly #seeded: Seeded;
  readonly #service: string;
  readonly #pods: readonly string[];
  #time = BEGIN;

  constructor(service: string, seed: string) {
    this.#seeded = new Seeded(seed);
    this.#service = service;
    const image = this.#seeded.hex(10);
    this.#pods = Array.from({ length: 12 }, () => `${service}-${image}-${this.#seeded.hex(5)}`);
  }

  /** At least so many bytes of whole lines. */
  take(bytes: number): string {
    let text = '';
    while (text.length < bytes) text += `${JSON.stringify(this.#line())}\n`;
    return text;
  }

  #line(): object {
    const seeded = this.#seeded;
    this.#time += seeded.below(2 * MEAN_GAP_MS);
    const head = {
      time: new Date(this.#time).toISOString(),
      level: seeded.pick(LEVELS),
      service: this.#service,
      pod: seeded.pick(this.#pods),
      zone: seeded.favour(ZONES),
      trace: seeded.hex(32),
    };
    return { ...head, ...this.#rest() };
  }

  #rest(): object {
    const kind = this.#seeded.next();
    if (kind < 0.55) return this.#request();
    if (kind < 0.75) return this.#query();
    if (kind < 0.9) return this.#message();
    if (kind < 0.96) return { msg: 'cache miss', key: `${this.#path()}:v${this.#seeded.below(9)}`, ttl: 300 };
    return this.#fault();
  }

  #request(): object {
    const seeded = this.#seeded;
    return {
      msg: 'request',
      method: seeded.pick(METHODS),
      path: this.#path(),
      status: seeded.favour(STATUSES),
      ms: this.#duration(),
      bytes: seeded.size({ median: 1_800, spread: 1.2, max: 5e6 }),
      client: `10.${seeded.below(16)}.${seeded.below(256)}.${seeded.below(256)}`,
      agent: seeded.favour(AGENTS),
      user: this.#customer(),
    };
  }

  #query(): object {
    const seeded = this.#seeded;
    const columns = [seeded.pick(COLUMNS), seeded.pick(COLUMNS)].join(', ');
    return {
      msg: 'query',
      sql: `select ${columns} from ${seeded.favour(TABLES)} where ${seeded.pick(COLUMNS)} = $1 limit ${10 * (1 + seeded.below(10))}`,
      rows: seeded.below(100),
      ms: this.#duration(),
    };
  }

  #message(): object {
    const seeded = this.#seeded;
    const offset = 80_000_000 + seeded.below(1e6);
    return { msg: 'consumed', topic: seeded.favour(TOPICS), partition: seeded.below(24), offset };
  }

  #fault(): object {
    const seeded = this.#seeded;
    const frames = Array.from({ length: 3 + seeded.below(6) }, () => {
      const [resource, line] = [seeded.pick(RESOURCES), 1 + seeded.below(400)];
      return `    at ${seeded.pick(METHODS).toLowerCase()}_${resource} (/app/src/${resource}/${seeded.pick(COLUMNS)}.js:${line}:${1 + seeded.below(80)})`;
    });
    const what = seeded.pick(FAULTS);
    return { msg: what, user: this.#customer(), stack: [`Error: ${what}`, ...frames].join('\n') };
  }

  #path(): string {
    const seeded = this.#seeded;
    const path = `/v${1 + seeded.below(3)}/${seeded.favour(RESOURCES)}`;
    return seeded.next() < 0.3 ? path : `${path}/${seeded.hex(12)}`;
  }

  #customer(): string {
    return `c-${100_000 + Math.floor(this.#seeded.next() ** 2 * 40_000)}`;
  }

  #duration(): number {
    return this.#seeded.size({ median: 14_000, spread: 1.1, max: 3e7 }) / 1_000;
  }
}
