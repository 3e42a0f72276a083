import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Longshore } from '../test/harness/longshore.ts';
import { memoryOf } from '../test/harness/memory-of.ts';
import { freePort } from '../test/harness/server.ts';

/** A caller of the benchmark stands for many of a service, each of whom has a limit of their own. */
const REQUESTS_PER_MINUTE = 1_000_000;

const ASK_AGAIN_MS = 50;

/** Between two looks at a server's memory. */
const LOOK_MS = 250;

/** What a server spends, as it says itself at `/metrics`. */
interface Figures {
  cpuSeconds: number;
  /** Milliseconds by which the event loop was late, in one of a hundred cases since the figures were taken before. */
  lateP99: number;
}

/** What a phase of the benchmark has cost the server. */
export interface Cost {
  seconds: number;
  /** Of one core. */
  cpuPercent: number;
  lateP99: number;
  /** Bytes, at the phase's end. */
  memory: number;
  /** Bytes, the most that was seen meanwhile. */
  highest: number;
}

/** One `longshore serve` with a volume and a directory to export it to, and nobody who works for it. */
export class BenchedServer implements AsyncDisposable {
  readonly url: string;
  readonly #program: Longshore;
  readonly #configured: readonly string[];
  readonly #env: Record<string, string>;

  static async start(redis: string, folder: string): Promise<BenchedServer> {
    for (const name of ['volume', 'archives', 'tmp']) await mkdir(join(folder, name));
    const config = {
      listen: `127.0.0.1:${await freePort()}`,
      redis,
      volumes: { data: join(folder, 'volume') },
      destinations: { archives: join(folder, 'archives') },
      limits: { requestsPerMinute: REQUESTS_PER_MINUTE },
    };
    const file = join(folder, 'longshore.json');
    await writeFile(file, JSON.stringify(config));
    const env = { TMPDIR: join(folder, 'tmp') };
    const server = new BenchedServer(config.listen, { configured: ['--config', file], env });
    await server.#ready();
    return server;
  }

  private constructor(
    listen: string,
    { configured, env }: { configured: readonly string[]; env: Record<string, string> },
  ) {
    this.url = `http://${listen}`;
    this.#configured = configured;
    this.#env = env;
    this.#program = new Longshore(['serve', ...configured], { env });
  }

  /** A worker for it, until that's disposed of. */
  work(): Longshore {
    return new Longshore(['work', ...this.#configured], { env: this.#env });
  }

  get memory(): number {
    return memoryOf(this.#program.pid)?.now ?? 0;
  }

  /** Runs `phase`, and tells what it has cost. */
  async cost(phase: () => Promise<void>): Promise<Cost> {
    const before = await this.#figures();
    const begin = performance.now();
    let highest = this.memory;
    const look = setInterval(() => {
      highest = Math.max(highest, this.memory);
    }, LOOK_MS);
    await phase().finally(() => clearInterval(look));
    const seconds = (performance.now() - begin) / 1_000;
    const { cpuSeconds, lateP99 } = await this.#figures();
    const cpuPercent = ((cpuSeconds - before.cpuSeconds) / seconds) * 100;
    const { memory } = this;
    return { seconds, cpuPercent, lateP99, memory, highest: Math.max(highest, memory) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill('SIGTERM');
    await this.#program.finished;
  }

  async #ready(): Promise<void> {
    while (!(await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok) {
      const { exitCode } = this.#program.child;
      if (exitCode !== null)
        throw new Error(`longshore serve ended: ${(await this.#program.finished).stderr}`);
      await delay(ASK_AGAIN_MS);
    }
  }

  async #figures(): Promise<Figures> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return {
      cpuSeconds: figure('process_cpu_seconds_total'),
      lateP99: figure('nodejs_eventloop_lag_p99_seconds') * 1_000,
    };
  }
}
