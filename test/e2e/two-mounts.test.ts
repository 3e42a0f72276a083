import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { Mounts } from '../harness/mounts.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { StagedExport } from '../harness/staged-export.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { readWholeArchive } from '../harness/whole-archive.ts';

type View = (mounts: Mounts, source: string, point: string) => string;

const bind: View = (mounts, source, point) => mounts.bind(source, point);
const bindfs: View = (mounts, source, point) => mounts.bindfs(source, point);

/** How the worker that plans sees the volume, and how the others do. */
const VIEWS: readonly { name: string; first: View; second: View }[] = [
  { name: 'two bind mounts', first: bind, second: bind },
  { name: 'two FUSE mounts', first: bindfs, second: bindfs },
  { name: 'a bind mount and a FUSE mount', first: bind, second: bindfs },
  { name: 'a FUSE mount and a bind mount', first: bindfs, second: bind },
];

describe('workers that see one volume through different mounts', function () {
  // Two workers come and go, one after the other.
  this.timeout(300_000);

  let redis: RedisServer;
  let temp: TempFolder;
  let source: string;

  before(async () => {
    redis = await startRedis();
    temp = await tempFolder('mounts');
    source = join(temp.path, 'source');
    makeRandomTree(source, { seed: 4, bytes: 300_000_000, files: 60 });
  });
  after(async () => {
    await temp[Symbol.asyncDispose]();
    await redis.stop();
  });

  for (const [number, { name, first, second }] of VIEWS.entries()) {
    it(`record no drift: ${name}`, async () => {
      using mounts = new Mounts();
      const folder = (what: string) => {
        const path = join(temp.path, `${what}-${number}`);
        mkdirSync(path);
        return path;
      };
      const views = [first(mounts, source, folder('first')), second(mounts, source, folder('second'))];
      if (first !== bind || second !== bind) assert.notEqual(statSync(views[0]).dev, statSync(views[1]).dev);
      const destination = folder('destination');

      await using exporting = await StagedExport.start({ source, destination, redis });
      const planner = exporting.work({ volume: views[0], threads: 1 });
      await exporting.command.progress(({ planned, doneItems }) => planned === 1 && doneItems >= 1);
      planner.kill('SIGTERM');
      await planner.finished;
      const { planned, packed } = await exporting.items();
      assert.ok(
        packed.size > 0 && packed.size < planned.size,
        `${packed.size} of ${planned.size} are packed`,
      );
      const { exitCode, result, stderr } = await exporting.finish({ volume: views[1] });

      assert.equal(exitCode, 0, stderr);
      assert.equal(result?.drift.count, 0);
      assert.equal(readWholeArchive(destination).drift.size, 0);
    });
  }
});
