import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes, randomText, seededRandom } from '../fixtures/random-tree.ts';
import { type Finished, startExport } from '../harness/longshore.ts';
import { bindfsServer, Mounts } from '../harness/mounts.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { StagedExport } from '../harness/staged-export.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

/** Six items, so that most of them are still to come when the first one is done. */
const FILES = 24;
const FILE_BYTES = 15_000_000;

const MAX_SECONDS = 60;

interface Scene {
  temp: string;
  /** Where the volume's files really are. */
  source: string;
  /** An empty directory, or what was mounted there. */
  volume: string;
  mounts: Mounts;
}

interface Loss {
  name: string;
  mount(scene: Scene): void;
  lose(scene: Scene): void;
}

const bound = ({ mounts, source, volume }: Scene) => mounts.bind(source, volume);

/** What can happen to a volume while its files are open somewhere. */
const LOSSES: readonly Loss[] = [
  { name: 'is unmounted', mount: bound, lose: ({ mounts, volume }) => mounts.unmount(volume, 'lazily') },
  {
    name: 'on a tmpfs is unmounted',
    mount: ({ mounts, source, volume }) => {
      mounts.tmpfs(volume, '512m');
      execFileSync('cp', ['-a', `${source}/.`, volume]);
    },
    lose: ({ mounts, volume }) => mounts.unmount(volume, 'lazily'),
  },
  {
    name: 'is emptied',
    mount: ({ source, volume }) => linkTree(source, volume),
    lose: ({ volume }) => {
      for (const name of readdirSync(volume)) rmSync(join(volume, name), { recursive: true });
    },
  },
  {
    name: 'is replaced by a directory with the same names',
    mount: ({ source, volume }) => linkTree(source, volume),
    lose: ({ volume }) => {
      renameSync(volume, `${volume}-moved`);
      linkTree(`${volume}-moved`, volume);
    },
  },
  {
    name: 'loses its FUSE server',
    mount: ({ mounts, source, volume }) => mounts.bindfs(source, volume),
    lose: ({ volume }) => process.kill(bindfsServer(volume), 'SIGKILL'),
  },
  {
    name: 'loses its FUSE server and is unmounted',
    mount: ({ mounts, source, volume }) => mounts.bindfs(source, volume),
    lose: ({ volume, mounts }) => {
      process.kill(bindfsServer(volume), 'SIGKILL');
      mounts.unmount(volume, 'lazily');
    },
  },
];

/** Those that might be taken for files that vanished. */
const LOOKS_LIKE_DRIFT = new Set(['is unmounted', 'is emptied']);

/** A copy whose files take no room. */
function linkTree(from: string, to: string): void {
  execFileSync('cp', ['-al', `${from}/.`, to]);
}

describe('a volume that goes away', function () {
  this.timeout(MAX_SECONDS * 1_000);

  let shared: TempFolder;
  let temp: TempFolder;
  let redis: RedisServer;
  let scene: Scene;
  let destination: string;

  before(async () => {
    redis = await startRedis();
    shared = await tempFolder('volume');
    const random = seededRandom(3);
    const content = Buffer.concat([
      randomBytes(random, FILE_BYTES / 3),
      randomText(random, (FILE_BYTES * 2) / 3),
    ]);
    for (let file = 0; file < FILES; file++) writeFileSync(join(shared.path, `file-${file}`), content);
  });
  after(async () => {
    await shared[Symbol.asyncDispose]();
    await redis.stop();
  });

  beforeEach(async () => {
    // On one file system with the files, for hard links.
    temp = await tempFolder('gone');
    const volume = join(temp.path, 'volume');
    destination = join(temp.path, 'destination');
    for (const folder of [volume, destination]) mkdirSync(folder);
    scene = { temp: temp.path, source: shared.path, volume, mounts: new Mounts() };
  });
  afterEach(async () => {
    scene.mounts[Symbol.dispose]();
    await temp[Symbol.asyncDispose]();
  });

  function assertGone({ exitCode, stdout, stderr, elapsed }: Finished, since = 0): void {
    assert.equal(exitCode, 1, stderr);
    assert.match(
      stderr,
      /^longshore: The volume at [^\n]*(is empty or gone|isn't the same any more)[^\n]*\n$/,
    );
    assert.equal(stdout, '');
    assert.deepEqual(readdirSync(destination), []);
    assert.ok(elapsed - since < MAX_SECONDS * 1_000, `it took ${elapsed - since} ms to be noticed`);
  }

  for (const { onChange, losses } of [
    { onChange: 'record', losses: LOSSES },
    { onChange: 'fail', losses: LOSSES.filter(({ name }) => LOOKS_LIKE_DRIFT.has(name)) },
  ]) {
    describe(`while it is packed, with --on-change ${onChange}`, () => {
      for (const { name, mount, lose } of losses) {
        it(`fails the export when it ${name}`, async () => {
          mount(scene);
          const args = ['--workers', '1', '--threads', '2', '--on-change', onChange];
          await using command = startExport(scene.volume, destination, { args });
          await command.progress(({ planned, doneItems }) => planned === 1 && doneItems >= 1);
          const workers = command.workers();
          for (const pid of workers) process.kill(pid, 'SIGSTOP');
          const { items, doneItems } = command.counters ?? { items: 0, doneItems: 0 };
          assert.ok(doneItems < items, 'everything was packed before the volume could go');
          lose(scene);
          for (const pid of workers) process.kill(pid, 'SIGCONT');
          assertGone(await command.finished);
        });
      }
    });
  }

  describe('while nothing has it open', () => {
    /** As few files as may well vanish for another reason. */
    function mountSmall({ below }: { below: readonly string[] }): void {
      const small = join(temp.path, 'small');
      mkdirSync(small);
      for (let file = 0; file < 5; file++) writeFileSync(join(small, `file-${file}`), 'content');
      for (const name of below) writeFileSync(join(scene.volume, name), 'below the mount');
      scene.mounts.bind(small, scene.volume);
    }

    const staged = (args: string[] = []) =>
      StagedExport.start({ source: scene.volume, destination, redis, args });

    for (const below of [[], ['other'], ['file-0', 'file-1', 'file-2', 'file-3', 'file-4']]) {
      it(`fails the export when it is packed after it was unmounted, and ${below.length} files are below`, async () => {
        mountSmall({ below });
        await using exporting = await staged();
        await exporting.plan();
        scene.mounts.unmount(scene.volume, 'eagerly');
        assertGone(await exporting.finish());
      });

      it(`fails the export when it is planned again after it was unmounted, and ${below.length} files are below`, async () => {
        mountSmall({ below });
        await using exporting = await staged();
        await assert.rejects(exporting.plan({ spool: join(temp.path, 'missing') }));
        scene.mounts.unmount(scene.volume, 'eagerly');
        assertGone(await exporting.finish());
      });
    }
  });
});
