import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processes } from '../../scripts/processes.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { foldersOf } from './cgroups.ts';
import { Daemon } from './daemon.ts';
import { baseArchive } from './images.ts';

const LOOK_AGAIN_MS = 20;

describe('the daemon of these tests', function () {
  this.timeout(300_000);
  let temp: TempFolder;

  beforeEach(async () => {
    temp = await tempFolder('data');
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  const running = () => processes().filter(({ command }) => command.includes(temp.path));

  /** Whether this machine's own network has Docker's bridge: others may have made one. */
  const hasBridge = async () => (await readdir('/sys/class/net')).includes('docker0');

  it('leaves no process, mount, bridge or control group when it’s killed with a container in it', async () => {
    const hadBridge = await hasBridge();
    const data = join(temp.path, 'data');
    let cgroup: string;
    {
      await using daemon = await Daemon.start('own', { data });
      cgroup = daemon.cgroup;
      await daemon.docker(['import', await baseArchive(), 'base']);
      await daemon.docker(['run', '--detach', '--memory', '64m', 'base', 'sleep', '600']);
      assert.notDeepEqual(await foldersOf(cgroup), []);
      await daemon.kill();
      while (running().length > 0) await delay(LOOK_AGAIN_MS);
    }
    assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(temp.path));
    assert.equal(await hasBridge(), hadBridge);
    assert.deepEqual(await foldersOf(cgroup), []);
  });

  it('says why it can’t run where it mayn’t', async () => {
    const without = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];
    const start = Daemon.start('own', { data: join(temp.path, 'data'), prefix: without });
    await assert.rejects(start, /dockerd can't run on this machine(.|\n)*Operation not permitted/);
  });
});
