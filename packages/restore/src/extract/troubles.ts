import { errnoName } from '@longshore/tape/posix';
import type { Trouble } from './protocol.ts';
import type { Unset } from './set-attributes.ts';

/** Collects what isn't as it should be; of an entry that is damaged, it says so once. */
export class Troubles {
  readonly list: Trouble[] = [];

  unreadable(id: number): void {
    this.#damaged(id, 'unreadable');
  }

  otherCrc32(id: number): void {
    this.#damaged(id, 'crc32');
  }

  failed(id: number, answer: number): void {
    this.list.push({ id, kind: 'failed', errno: errnoName(answer) });
  }

  unset(id: number, { what, errno }: Unset): void {
    this.list.push({ id, kind: 'unset', what, errno });
  }

  add(troubles: readonly Trouble[]): void {
    for (const trouble of troubles) {
      if (trouble.kind === 'unreadable' || trouble.kind === 'crc32') this.#damaged(trouble.id, trouble.kind);
      else this.list.push(trouble);
    }
  }

  #damaged(id: number, kind: 'unreadable' | 'crc32'): void {
    const last = this.list.at(-1);
    if (last?.id !== id || (last.kind !== 'unreadable' && last.kind !== 'crc32'))
      this.list.push({ id, kind });
  }
}
