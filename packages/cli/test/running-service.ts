import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Longshore } from '../../../test/harness/longshore.ts';
import { freePort } from '../../../test/harness/server.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';

/** Waits for a line of the program's stderr from now on; rejects when it ends before. */
export async function said(process: Longshore, what: RegExp): Promise<RegExpExecArray> {
  const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
  let text = '';
  process.child.stderr?.on('data', (data: Buffer) => {
    text += data;
    const match = what.exec(text);
    if (match) resolve(match);
  });
  const early = process.finished.then(({ exitCode, stderr }) => {
    throw new Error(`longshore ended (${exitCode}) before it said ${what}: ${stderr}`);
  });
  early.catch(() => undefined);
  return Promise.race([promise, early]);
}

/** `longshore serve` and `longshore work` on one configuration file, as child processes of the test. */
export class RunningService implements AsyncDisposable {
  readonly url: string;
  readonly temp: TempFolder;
  readonly file: string;
  readonly volume: string;
  readonly archives: string;
  #processes: Longshore[] = [];

  /** `more` goes over the configuration, which has a volume `data` and a destination `archives`. */
  static async prepare(redis: unknown, more: object = {}): Promise<RunningService> {
    const service = new RunningService(await tempFolder('running-service'), await freePort());
    for (const folder of [service.volume, service.archives]) await mkdir(folder);
    const config = {
      listen: new URL(service.url).host,
      redis,
      volumes: { data: service.volume },
      destinations: { archives: service.archives },
      spool: service.at('spool'),
      threads: 1,
      ...more,
    };
    await writeFile(service.file, stringify(config));
    return service;
  }

  private constructor(temp: TempFolder, port: number) {
    this.temp = temp;
    this.url = `http://127.0.0.1:${port}`;
    this.file = this.at('config.yaml');
    this.volume = this.at('volume');
    this.archives = this.at('archives');
  }

  at(name: string): string {
    return join(this.temp.path, name);
  }

  /** Starts `serve`, and waits until it listens. */
  async serve(): Promise<Longshore> {
    const serve = this.run(['serve'], { LONGSHORE_CONFIG: this.file });
    await said(serve, /listening on /);
    return serve;
  }

  async work(): Promise<Longshore> {
    const work = this.run(['work', '--config', this.file, '--grace', '0']);
    await said(work, /"msg":"ready"/);
    return work;
  }

  /** A `longshore` that asks this service. */
  run(args: readonly string[], env: Record<string, string> = {}): Longshore {
    const started = new Longshore(args, { env: { ...this.clientEnv, ...env } });
    this.#processes.push(started);
    return started;
  }

  get clientEnv(): Record<string, string> {
    return { LONGSHORE_SERVER: this.url, XDG_CONFIG_HOME: this.at('no-config') };
  }

  /** SIGTERM to all, and waits for their ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes) each.kill('SIGTERM');
    await Promise.all(this.#processes.map((each) => each.finished));
    await this.temp[Symbol.asyncDispose]();
  }
}

/** Tells a process to stop, and waits until it has. */
export async function stop(process: Longshore, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  if (process.child.exitCode === null) {
    process.kill(signal);
    await once(process.child, 'exit');
  }
  return (await process.finished).exitCode;
}
