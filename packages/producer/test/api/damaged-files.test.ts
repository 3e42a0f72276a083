import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '@longshore/shared';
import type { DirectoryStore } from '@longshore/store';
import { Archived, LARGE } from './archived.ts';
import { Served } from './served.ts';

type Damage = (file: string) => void;

function sql(statement: string): Damage {
  return (file) => {
    using database = new DatabaseSync(file);
    database.exec(statement);
  };
}

const LARGE_ROW = "name = 'large' AND type = 'file'";

/** An index that was damaged, or that somebody wrote to do harm, by what is asked of it. */
const DAMAGES: Record<
  'files' | 'files/content?path=docs/large' | 'files/content?path=links/hard',
  [string, Damage][]
> = {
  files: [
    ['is cut short', (file) => truncateSync(file, 2_000)],
    ['is no database', (file) => writeFileSync(file, 'SQLite format 3\0and then nothing of it')],
    ['is empty', (file) => writeFileSync(file, '')],
    ['is of another version', sql('PRAGMA user_version = 99')],
    ["is another archive's", sql("UPDATE meta SET value = 'other.tar' WHERE key = 'archive'")],
    ['has no entries', sql('DROP TABLE entry')],
    ['has a name that leads up', sql("UPDATE entry SET name = '..' WHERE name = 'docs'")],
    ['has a name that is a path', sql("UPDATE entry SET name = '/etc/passwd' WHERE name = 'docs'")],
    ['has a name with a NUL', sql("UPDATE entry SET name = x'610062' WHERE name = 'docs'")],
    [
      'has a type that there is not',
      sql("UPDATE entry SET type = 'door' WHERE name = 'docs' AND parent = 1"),
    ],
    ['has text for a number', sql("UPDATE entry SET mtime = 'soon' WHERE name = 'docs' AND parent = 1")],
  ],
  'files/content?path=docs/large': [
    ['says another checksum', sql(`UPDATE entry SET crc32 = 1 WHERE ${LARGE_ROW}`)],
    ['says another place', sql(`UPDATE entry SET data_offset = data_offset + 512 WHERE ${LARGE_ROW}`)],
    ['says no place', sql(`UPDATE entry SET data_offset = NULL WHERE ${LARGE_ROW}`)],
    ['says more bytes than the tape has', sql(`UPDATE entry SET size = 1000000000000 WHERE ${LARGE_ROW}`)],
    ['has no frames', sql('DELETE FROM frame')],
    ['has a frame of a terabyte', sql('UPDATE frame SET archive_bytes = 1000000000000')],
    ['has a frame of more than it may be on the tape', sql('UPDATE frame SET tape_bytes = 2000000000')],
    ['has frames elsewhere', sql('UPDATE frame SET archive_offset = archive_offset + 7')],
    ['has frames behind the end', sql('UPDATE frame SET archive_offset = archive_offset + 1000000000')],
    ['has frames before the start', sql('UPDATE frame SET archive_offset = -5')],
  ],
  'files/content?path=links/hard': [
    ['links to a directory', sql("UPDATE entry SET link = 'docs' WHERE type = 'hardlink'")],
    ['links to itself', sql("UPDATE entry SET link = 'links/hard' WHERE type = 'hardlink'")],
    ['links to nothing', sql("UPDATE entry SET link = 'gone' WHERE type = 'hardlink'")],
    [
      'links out of the archive',
      sql("UPDATE entry SET link = '../../../etc/passwd' WHERE type = 'hardlink'"),
    ],
  ],
};

describe('an archive that is damaged', function () {
  this.timeout(300_000);
  let archived: Archived;
  let store: DirectoryStore;
  let served: Served;
  let original: string;
  let count = 0;

  before(async () => {
    archived = await Archived.make('tar.zst');
    original = join(archived.temp.path, 'original');
    store = await archived.openStore();
    served = await Served.start({ destinations: { data: store }, cacheFolder: archived.temp.path });
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await archived[Symbol.asyncDispose]();
  });

  const adopt = async () => {
    const { id } = await served.adopt(await archived.result(), {
      name: `case-${++count}`,
      destination: 'data',
    });
    return `/v1/exports/${id}`;
  };

  /** One clear answer, or a broken connection where it had begun; nothing of the server, and never the whole. */
  async function assertRefused(ask: () => Promise<Response>): Promise<void> {
    const answer = await ask().catch(() => undefined);
    if (!answer) return;
    if (answer.ok) return assert.rejects(answer.arrayBuffer());
    const problem = Problem.parse(await answer.json());
    assert.deepEqual([problem.status, problem.code], [502, 'PUBLISHED_DAMAGED'], problem.detail);
    assert.ok(!JSON.stringify(problem).includes(archived.temp.path), problem.detail);
  }

  async function withDamaged(
    what: 'index' | 'archive',
    damage: Damage,
    use: (path: string) => Promise<void>,
  ) {
    const file = archived.path(what);
    copyFileSync(file, original);
    try {
      damage(file);
      await use(await adopt());
    } finally {
      copyFileSync(original, file);
    }
    const sound = await served.get(`${await adopt()}/files/content?path=docs/large`);
    assert.ok(Buffer.from(await sound.arrayBuffer()).equals(LARGE), 'the server serves what is sound');
  }

  for (const [asked, damages] of Object.entries(DAMAGES))
    for (const [how, damage] of damages) {
      it(`is refused where its index ${how}`, async () => {
        await withDamaged('index', damage, async (path) => {
          await assertRefused(() => served.get(`${path}/${asked}`));
          for (const format of ['zip', 'tar'])
            await assertRefused(() => served.post(`${path}/selection`, { paths: [''], format }));
        });
      });
    }

  const OUT_OF_ORDER: [string, Damage][] = [
    ['has a name twice', sql("UPDATE entry SET name = 'docs' WHERE name = 'links' AND parent = 1")],
    ['has names out of order', sql("UPDATE entry SET name = 'aaa' WHERE name = 'links' AND parent = 1")],
  ];
  for (const [how, damage] of OUT_OF_ORDER) {
    it(`gives no selection where its index ${how}`, async () => {
      await withDamaged('index', damage, async (path) => {
        for (const format of ['zip', 'tar'])
          await assertRefused(() => served.post(`${path}/selection`, { paths: [''], format }));
      });
    });
  }

  it('gives no file whole that has a flipped bit', async () => {
    const flip: Damage = (file) => {
      const bytes = readFileSync(file);
      bytes[3_000_000] ^= 1;
      writeFileSync(file, bytes);
    };
    await withDamaged('archive', flip, async (path) => {
      await assertRefused(() => served.get(`${path}/files/content?path=docs/large`));
      await assertRefused(() => served.post(`${path}/selection`, { paths: ['docs'], format: 'zip' }));
      assert.equal((await served.get(`${path}/files?path=docs`)).status, 200);
    });
  });

  it('gives what there is of it, where it is cut short', async () => {
    await withDamaged(
      'archive',
      (file) => truncateSync(file, 4_500_000),
      async (path) => {
        await assertRefused(() => served.get(`${path}/files/content?path=docs/large`));
        const begin = await served.get(`${path}/files/content?path=docs/large`, { range: 'bytes=0-999999' });
        assert.ok(Buffer.from(await begin.arrayBuffer()).equals(LARGE.subarray(0, 1_000_000)));
      },
    );
  });

  it('is told where its index is gone', async () => {
    const path = await adopt();
    copyFileSync(archived.path('index'), original);
    await store.delete([archived.keys.index]);
    const problem = Problem.parse(await (await served.get(`${path}/files`)).json());
    copyFileSync(original, archived.path('index'));
    assert.deepEqual([problem.status, problem.code], [410, 'ARCHIVE_GONE']);
    assert.equal((await served.get(`${path}/files`)).status, 200);
  });

  it('leaves nothing of its index behind', async () => {
    const names = await readdir(archived.temp.path);
    assert.deepEqual(
      names.filter((name) => name.startsWith('longshore-index')),
      [],
    );
  });
});
