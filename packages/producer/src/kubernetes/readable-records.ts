import type { Logger } from 'pino';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import { recordOf } from './resource-record.ts';
import { idOf, type VolumeExport } from './volume-export.ts';

/**
 * The records of many resources, without those that can't be read: of another version of Longshore, or edited by hand.
 * They stop no other export. Each is named in the log once, until it can be read.
 */
export class ReadableRecords {
  readonly #logger: Logger;
  readonly #unreadable = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  of(resources: Iterable<VolumeExport>): ExportRecord[] {
    return [...resources].flatMap((resource) => this.#read(resource) ?? []);
  }

  /** The ids of exports that aren't over. One that can't be read may not be: it keeps what it has. */
  liveIds(resources: Iterable<VolumeExport>): string[] {
    const live = [...resources].filter((resource) => {
      const record = this.#read(resource);
      return !record || !isOver(record);
    });
    return live.map(idOf);
  }

  #read(resource: VolumeExport): ExportRecord | undefined {
    const id = idOf(resource);
    try {
      const record = recordOf(resource);
      this.#unreadable.delete(id);
      return record;
    } catch (error) {
      if (!this.#unreadable.has(id)) this.#say(resource, error);
      this.#unreadable.add(id);
      return undefined;
    }
  }

  #say(resource: VolumeExport, error: unknown): void {
    const { namespace, name } = resource.metadata;
    this.#logger.error(
      { exportId: idOf(resource), namespace, name, error: String(error) },
      `The status.record of the VolumeExport ${namespace}/${name} can't be read, and nothing is done for it: correct it, or run the version that wrote it.`,
    );
  }
}

/** Nothing is left to be done, unless somebody wishes for something. */
const isOver = (record: ExportRecord) => hasEnded(record) && record.wish === 'run' && record.due !== 0;
