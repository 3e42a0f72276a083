import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExportLinks } from '@longshore/shared';
import { FaultProxy } from '../harness/fault-proxy.ts';
import type { Longshore } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { Api } from '../service/api.ts';
import { type Server, Service } from '../service/processes.ts';

const FILE_BYTES = 20e6;
const LOOK_AGAIN_MS = 20;

/** What `longshore download --json` prints. */
export interface Downloaded {
  exitCode: number | null;
  stderr: string;
  result: {
    file: string;
    bytes: number;
    checked: boolean;
    keptBytes: number;
    fetchedBytes: number;
    breaks: number;
    damages: number;
  };
}

/**
 * A service with an export in its bucket and the same in its folder, of bytes that don't compress, and a proxy in front
 * of both the API and the S3 server.
 */
export class Delivered implements AsyncDisposable {
  readonly temp: TempFolder;
  readonly service: Service;
  /** In front of the API. */
  readonly front: FaultProxy;
  /** In front of the S3 server. */
  readonly store: FaultProxy;
  server!: Server;
  readonly ids = { bucket: '', folder: '' };

  static async start({ files }: { files: number }): Promise<Delivered> {
    const temp = await tempFolder('delivered');
    const volume = join(temp.path, 'volume');
    await mkdir(volume);
    for (let file = 0; file < files; file++)
      await writeFile(join(volume, `noise-${file}`), randomBytes(FILE_BYTES));
    let s3Port = 0;
    const store = await FaultProxy.start({ port: () => s3Port, sees: 'host of the proxy' });
    let port = 0;
    const front = await FaultProxy.start({ port: () => port, sees: 'own host' });
    const service = await Service.start({
      volumes: { noise: volume },
      // Links that lead to the API lead through the proxy.
      settings: { publicUrl: front.url },
      s3Endpoint: async ({ endpoint }) => {
        s3Port = Number(new URL(endpoint).port);
        return store.url;
      },
    });
    const delivered = new Delivered({ temp, service, front, store });
    await delivered.#export();
    port = delivered.server.port;
    return delivered;
  }

  private constructor(parts: {
    temp: TempFolder;
    service: Service;
    front: FaultProxy;
    store: FaultProxy;
  }) {
    this.temp = parts.temp;
    this.service = parts.service;
    this.front = parts.front;
    this.store = parts.store;
  }

  at(name: string): string {
    return join(this.temp.path, name);
  }

  /** The archive in the folder, as it's kept there. */
  get archive(): string {
    return join(this.service.folder, 'noise.tar.zst');
  }

  /** A folder of its own for a download. */
  async folder(name: string): Promise<string> {
    await mkdir(this.at(name));
    return this.at(name);
  }

  links(id: string): Promise<ExportLinks> {
    return fetch(`${this.server.api.url}/v1/exports/${id}/links`).then(
      (answer) => answer.json() as Promise<ExportLinks>,
    );
  }

  /** A client command through the proxy. */
  client(...args: string[]) {
    return this.service.client(args, { api: new Api(this.front.url) });
  }

  async download(id: string, ...args: string[]): Promise<Downloaded> {
    await using program = this.client('download', id, '--json', ...args);
    const { exitCode, stderr, stdout } = await program.finished;
    return { exitCode, stderr, result: stdout ? JSON.parse(stdout) : undefined };
  }

  /** Forgets what came by, and is gentle again. */
  calm(): void {
    this.front.reset();
    this.store.reset();
  }

  /** As SIGKILL and a new start do it. */
  async restart(): Promise<void> {
    this.server.process.kill('SIGKILL');
    await this.server.process.finished;
    this.server = await this.service.serve(this.server.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.stop();
    await this.service[Symbol.asyncDispose]();
    await this.front[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    await this.temp[Symbol.asyncDispose]();
  }

  async #export(): Promise<void> {
    this.server = await this.service.serve();
    const workers = await this.service.workers(2);
    for (const destination of ['bucket', 'folder'] as const) {
      const id = await this.server.api.create({ volume: 'noise', destination, name: 'noise' });
      await this.server.api.untilPhase(id, 'Completed');
      this.ids[destination] = id;
    }
    await this.service.settled();
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map(({ finished }) => finished));
  }
}

/** What a download's state file says is there. */
export async function verifiedBytes(stateFile: string): Promise<number> {
  const text = await readFile(stateFile, 'utf8').catch(() => '{"verified":[]}');
  const { verified }: { verified: { start: number; end: number }[] } = JSON.parse(text);
  return verified.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Waits until `test` is true; rejects where the program ends before. */
export async function during(program: Longshore, test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) {
    const { exitCode, signalCode } = program.child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`longshore ended before: ${(await program.finished).stderr}`);
    await delay(LOOK_AGAIN_MS);
  }
}
