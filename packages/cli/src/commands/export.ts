import { rmdir, stat } from 'node:fs/promises';
import type { ExportRequest } from '@longshore/producer';
import { type Format, LEVELS, type OnChange } from '@longshore/shared';
import type { Store } from '@longshore/store';
import type { Config } from '../config.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { defaultName, refuseInside, resolveDestination, sourceDirectory } from './export-paths.ts';
import { startPool } from './pool.ts';
import { tempFolder } from './temp-folder.ts';

export interface ExportOptions {
  to: string;
  name?: string;
  format: Format;
  level?: number;
  workers: number;
  threads?: number;
  exclude: string[];
  onChange: OnChange;
  redis?: string;
  json?: boolean;
  quiet?: boolean;
}

/** `longshore export`: one export from start to end. Whatever happens, nothing is left but its result. */
export async function exportCommand(src: string, options: ExportOptions, config: Config): Promise<void> {
  const started = performance.now();
  const request = await requestOf(src, options);
  using interrupts = new Interrupts();
  await using temp = await tempFolder(config.temp);
  await using destination = await Destination.at(request);
  // Workers come up while this process loads what it needs itself, and looks at request and destination.
  await using pool = await startPool({ request, options, config, interrupts, folder: temp.path });
  const { printResult, runExport } = await import('./run-export.ts');
  const store = await destination.open();
  const completed = await runExport({ request, options, store, pool, signal: interrupts.signal });
  destination.keep();
  const seconds = (performance.now() - started) / 1_000;
  printResult({ ...completed, store: store.uri, request, seconds }, options);
  const { drift, skipped } = completed.result;
  process.exitCode = drift.count + skipped.lost > 0 ? EXIT.drifted : EXIT.complete;
}

async function requestOf(src: string, options: ExportOptions): Promise<ExportRequest> {
  const volume = await sourceDirectory(src);
  const destination = resolveDestination(options.to);
  await refuseInside(volume, destination);
  const { format, exclude, onChange } = options;
  const level = options.level ?? LEVELS[format].default;
  const name = options.name ?? defaultName(volume, new Date());
  return { volume, destination, name, format, level, exclude, onChange };
}

/** The destination's store, and its directory, which goes again where nothing came into it. */
class Destination implements AsyncDisposable {
  #uri: string;
  #made: string | undefined;
  #store: Store | undefined;

  /** Looks, before a worker may make it, whether there is such a directory. */
  static async at({ destination: uri }: ExportRequest): Promise<Destination> {
    const local = !uri.includes('://');
    const existed = local && (await stat(uri).then(Boolean, () => false));
    return new Destination(uri, local && !existed ? uri : undefined);
  }

  constructor(uri: string, made: string | undefined) {
    this.#uri = uri;
    this.#made = made;
  }

  async open(): Promise<Store> {
    const { openStore } = await import('@longshore/store');
    this.#store = await openStore(this.#uri);
    return this.#store;
  }

  keep(): void {
    this.#made = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    if (this.#made) await rmdir(this.#made).catch(() => undefined);
  }
}
