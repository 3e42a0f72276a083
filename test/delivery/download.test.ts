import assert from 'node:assert/strict';
import { readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { sha256OfFile } from '../harness/digest.ts';
import type { FaultProxy, Passed } from '../harness/fault-proxy.ts';
import { startOf } from '../harness/fault-proxy.ts';
import { Mounts } from '../harness/mounts.ts';
import { Delivered, during, verifiedBytes } from './delivered.ts';

/** What a client may have had in its hands, unwritten, when its connection was cut. */
const IN_HAND = 2 ** 20;

/** What is different in every link. */
const SIGNATURE = 'X-Amz-Signature';

/** A link as it would be had it been signed years before. */
function longAgo(path: string): string {
  const day = /X-Amz-Date=(\d{8})/.exec(path)?.[1] ?? '';
  return path.replaceAll(day, '20200102');
}

describe('longshore download', function () {
  this.timeout(300_000);
  let delivered: Delivered;
  let digest: string;
  let bytes: number;

  before(async () => {
    delivered = await Delivered.start({ files: 12 });
    digest = await sha256OfFile(delivered.archive);
    bytes = (await delivered.links(delivered.ids.folder)).bytes;
  });
  after(() => delivered[Symbol.asyncDispose]());
  beforeEach(() => delivered.calm());

  async function assertWhole(folder: string): Promise<void> {
    assert.deepEqual(await readdir(folder), ['noise.tar.zst']);
    assert.equal(await sha256OfFile(join(folder, 'noise.tar.zst')), digest);
  }

  const passedBytes = (proxy: FaultProxy) => proxy.ranges().reduce((sum, range) => sum + range.bytes, 0);

  /** Cuts so many connections, one after each equal share of the archive. */
  function cutting(times: number): { done: number; cuts: (passed: Passed) => boolean } {
    const share = bytes / (times + 1);
    let seen = 0;
    const counts = new Map<Passed, number>();
    const cutting = {
      done: 0,
      cuts: (passed: Passed) => {
        if (Number.isNaN(startOf(passed))) return false;
        seen += passed.bytes - (counts.get(passed) ?? 0);
        counts.set(passed, passed.bytes);
        if (cutting.done === times || seen < share * (cutting.done + 1)) return false;
        cutting.done++;
        return true;
      },
    };
    return cutting;
  }

  it('gives the archive as it was packed, under its own name, with each byte fetched once', async () => {
    const folder = await delivered.folder('plain');
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.equal(result.checked, true);
    assert.deepEqual([result.fetchedBytes, passedBytes(delivered.store)], [bytes, bytes]);
  });

  it('survives 20 cuts and a link that has ended half-way, and fetches only what the cuts lost twice', async () => {
    const folder = await delivered.folder('cut');
    const cut = cutting(20);
    let ended: string | undefined;
    const isOf = (link: string | undefined, path: string) =>
      new URLSearchParams(path).get(SIGNATURE) === link;
    delivered.store.faults = {
      cuts: cut.cuts,
      // From then on the S3 server sees this link as one of long ago.
      path: ({ path }) => {
        const link = new URLSearchParams(path).get(SIGNATURE) ?? undefined;
        if (cut.done >= 10) ended ??= link;
        return link && isOf(ended, path) ? longAgo(path) : path;
      },
    };
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.equal(cut.done, 20);
    const refusals = delivered.store.passed.filter(({ status }) => status === 403);
    assert.ok(refusals.length > 0 && refusals.every(({ path }) => isOf(ended, path)));
    const passed = passedBytes(delivered.store);
    assert.ok(passed >= bytes && passed <= bytes + 20 * IN_HAND, `${passed} of ${bytes}`);
    assert.equal(result.fetchedBytes, bytes);
    const asked = delivered.front.passed.filter(({ path }) => path.endsWith('/links'));
    assert.equal(asked.length, 2);
  });

  it('gives up where new links are refused too, and shows none of them', async () => {
    const folder = await delivered.folder('refused');
    delivered.store.faults.path = ({ path }) => (path.includes(SIGNATURE) ? longAgo(path) : path);
    const { exitCode, stderr } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^longshore: \S+ refuses to give the archive \(status 403\), with a new link too/);
    assert.doesNotMatch(stderr, /Amz/);
  });

  it('survives that the server which gives the bytes is killed and started again', async () => {
    const folder = await delivered.folder('killed-server');
    let restart: Promise<void> | undefined;
    delivered.front.faults = {
      cuts: () => {
        if (passedBytes(delivered.front) > bytes / 2) restart ??= delivered.restart();
        return false;
      },
    };
    const { exitCode, stderr } = await delivered.download(delivered.ids.folder, '--output', folder);
    await restart;
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.match(stderr, /closed the connection\. Trying again\./);
    const passed = passedBytes(delivered.front);
    assert.ok(passed <= bytes + 4 * IN_HAND, `${passed} of ${bytes}`);
  });

  it('goes on after SIGKILL with what is checked, and doesn’t fetch that again', async () => {
    const folder = await delivered.folder('killed');
    const { segments } = await delivered.links(delivered.ids.bucket);
    const third = segments[2].start;
    const gate = Promise.withResolvers<void>();
    delivered.store.faults = { hold: (passed) => (startOf(passed) >= third ? gate.promise : undefined) };
    await using first = delivered.client(
      ...['download', delivered.ids.bucket, '--output', folder, '--connections', '2'],
    );
    const state = join(folder, 'noise.tar.zst.part.json');
    await during(first, async () => (await verifiedBytes(state)) >= third);
    first.kill('SIGKILL');
    await first.finished;
    gate.resolve();
    assert.deepEqual(await readdir(folder), ['noise.tar.zst.part', 'noise.tar.zst.part.json']);
    delivered.calm();
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.equal(result.keptBytes, third);
    assert.ok(delivered.store.ranges().every(({ start }) => start >= third));
    assert.equal(passedBytes(delivered.store), bytes - third);
  });

  it('goes on after Ctrl-C', async () => {
    const folder = await delivered.folder('interrupted');
    const gate = Promise.withResolvers<void>();
    delivered.store.faults = { hold: ({ bytes: passed }) => (passed > 1e6 ? gate.promise : undefined) };
    await using program = delivered.client('download', delivered.ids.bucket, '--output', folder);
    await during(program, () => passedBytes(delivered.store) >= 4e6);
    program.kill('SIGINT');
    const { exitCode, stderr } = await program.finished;
    gate.resolve();
    assert.equal(exitCode, 130);
    assert.match(stderr, /Interrupted by SIGINT; what came stays in the \.part file/);
    delivered.calm();
    assert.equal((await delivered.download(delivered.ids.bucket, '--output', folder)).exitCode, 0);
    await assertWhole(folder);
  });

  it('leaves a download alone that another process is at', async () => {
    const folder = await delivered.folder('twice');
    const gate = Promise.withResolvers<void>();
    delivered.store.faults = { hold: ({ bytes: passed }) => (passed > 1e6 ? gate.promise : undefined) };
    await using first = delivered.client('download', delivered.ids.bucket, '--output', folder);
    await during(first, () => passedBytes(delivered.store) >= 4e6);
    const second = await delivered.download(delivered.ids.bucket, '--output', folder);
    gate.resolve();
    assert.equal(second.exitCode, 2);
    assert.match(second.stderr, /\.part is being written by another process/);
    assert.equal((await first.finished).exitCode, 0);
    await assertWhole(folder);
  });

  it('catches a flipped bit by its segment’s CRC-32, and fetches that segment again', async () => {
    const folder = await delivered.folder('flipped');
    const [, second] = (await delivered.links(delivered.ids.bucket)).segments;
    let flipped = 0;
    delivered.store.faults = {
      change: (piece, passed) => {
        if (startOf(passed) !== second.start || passed.bytes < 5e6 || flipped > 0) return piece;
        flipped++;
        const changed = Buffer.from(piece);
        changed[100] ^= 0x10;
        return changed;
      },
    };
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.deepEqual([flipped, result.damages], [1, 1]);
    assert.match(stderr, /came damaged/);
    assert.equal(passedBytes(delivered.store), bytes + second.end - second.start);
  });

  it('gives up on a segment that comes damaged every time, and says so', async () => {
    const folder = await delivered.folder('damaged');
    const [first] = (await delivered.links(delivered.ids.bucket)).segments;
    delivered.store.faults = {
      change: (piece, passed) => {
        if (startOf(passed) !== first.start || passed.bytes > 0) return piece;
        return Buffer.concat([Buffer.from([piece[0] ^ 1]), piece.subarray(1)]);
      },
    };
    const { exitCode, stderr } = await delivered.download(delivered.ids.bucket, '--output', folder);
    assert.equal(exitCode, 1);
    assert.match(stderr, /longshore: Bytes 0 to \d+ of the archive of \S+ aren't those that were packed/);
    assert.deepEqual(await readdir(folder), ['noise.tar.zst.part', 'noise.tar.zst.part.json']);
  });

  it('says that the disk is full, and goes on when there is room', async () => {
    const folder = await delivered.folder('full');
    using mounts = new Mounts();
    mounts.tmpfs(folder, '100m');
    const args = ['--output', folder, '--connections', '1'];
    const full = await delivered.download(delivered.ids.bucket, ...args);
    assert.equal(full.exitCode, 1);
    assert.match(
      full.stderr,
      /longshore: The disk of \S+ is full: make room there, and the same command goes on/,
    );
    await execa('mount', ['-o', 'remount,size=400m', folder]);
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.bucket, ...args);
    assert.equal(exitCode, 0, stderr);
    const [first] = (await delivered.links(delivered.ids.bucket)).segments;
    assert.equal(result.keptBytes, first.end);
    await assertWhole(folder);
  });

  it('never overwrites a file, also not one that comes meanwhile', async () => {
    const folder = await delivered.folder('existing');
    const file = join(folder, 'mine');
    await writeFile(file, 'mine');
    const before = await delivered.download(delivered.ids.bucket, '--output', file);
    assert.deepEqual([before.exitCode, passedBytes(delivered.store)], [2, 0]);
    assert.match(before.stderr, /mine exists, and is never overwritten/);
    const late = join(folder, 'late');
    delivered.store.faults.hold = (passed) =>
      startOf(passed) === 0 && passed.bytes > 0 ? writeFile(late, 'mine') : undefined;
    const after = await delivered.download(delivered.ids.bucket, '--output', late);
    assert.equal(after.exitCode, 2);
    assert.match(after.stderr, /late exists, and is never overwritten/);
    for (const path of [file, late]) assert.equal(await readFile(path, 'utf8'), 'mine');
  });

  it('refuses what is there of another download', async () => {
    const folder = await delivered.folder('others');
    const part = join(folder, 'noise.tar.zst.part');
    const state = { version: 1, id: delivered.ids.bucket, etag: 'another', bytes, verified: [] };
    const refusals: [content: object | undefined, code: number, said: RegExp][] = [
      [undefined, 2, /isn't of a download by this command/],
      [{ version: 7 }, 2, /isn't a download's state of this version/],
      [{ ...state, id: 'other' }, 2, /is a part of the archive of other/],
      [state, 1, /is of another archive than/],
    ];
    for (const [content, code, said] of refusals) {
      await writeFile(part, 'theirs');
      if (content) await writeFile(`${part}.json`, JSON.stringify(content));
      const { exitCode, stderr } = await delivered.download(delivered.ids.bucket, '--output', folder);
      assert.equal(exitCode, code, stderr);
      assert.match(stderr, said);
      assert.equal(await readFile(part, 'utf8'), 'theirs');
    }
    assert.equal(passedBytes(delivered.store), 0);
  });

  it('stops where the archive is replaced meanwhile', async () => {
    const folder = await delivered.folder('replaced');
    const away = `${delivered.archive}.away`;
    const cut = cutting(1);
    // The first who comes that far replaces it, and everyone who comes then waits for that.
    const replaced = Promise.withResolvers<void>();
    let begun = false;
    const replace = async () => {
      const content = await readFile(delivered.archive);
      await rename(delivered.archive, away);
      await writeFile(delivered.archive, content);
      await utimes(delivered.archive, new Date(0), new Date(0));
    };
    delivered.front.faults = {
      cuts: cut.cuts,
      hold: () => {
        if (passedBytes(delivered.front) < bytes / 3) return undefined;
        if (!begun) replace().then(replaced.resolve, replaced.reject);
        begun = true;
        return replaced.promise;
      },
    };
    const { exitCode, stderr } = await delivered.download(delivered.ids.folder, '--output', folder);
    await rename(away, delivered.archive);
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /longshore: The archive of \S+ was replaced since this download began/);
  });

  it('sends its token to the server alone', async () => {
    const token = 'planted-token-1f5a';
    const folder = await delivered.folder('token');
    const args = ['--token', token, '--output'];
    await delivered.download(delivered.ids.bucket, ...args, join(folder, 'bucket'));
    await delivered.download(delivered.ids.folder, ...args, join(folder, 'folder'));
    assert.deepEqual((await readdir(folder)).sort(), ['bucket', 'folder']);
    assert.ok(delivered.store.ranges().length > 0);
    assert.ok(!JSON.stringify(delivered.store.passed).includes(token));
    const { passed } = delivered.front;
    assert.ok(passed.some(({ path }) => path.endsWith('/archive')));
    assert.ok(passed.every(({ headers }) => headers.authorization === `Bearer ${token}`));
  });

  it('follows neither a foreign address without a signature nor a redirection with its token', async () => {
    const folder = await delivered.folder('foreign');
    const links = {
      ...(await delivered.links(delivered.ids.folder)),
      archive: `${delivered.store.url}/loot`,
    };
    delivered.front.faults.answer = ({ path }, response) => {
      if (path.endsWith('/links')) response.end(JSON.stringify(links));
      else if (path.endsWith('/archive')) response.writeHead(302, { location: links.archive }).end();
      else return false;
      return true;
    };
    const { exitCode, stderr } = await delivered.download(
      ...[delivered.ids.folder, '--token', 'planted-token-1f5a', '--output', folder],
    );
    assert.equal(exitCode, 2);
    assert.match(stderr, /doesn't give a range of the archive/);
    assert.deepEqual(delivered.store.passed, []);
  });

  it('downloads what it can’t check where the manifest is gone, and says that', async () => {
    const folder = await delivered.folder('unchecked');
    const manifest = join(delivered.service.folder, 'noise.manifest.json');
    await rename(manifest, `${manifest}.away`);
    const cut = cutting(5);
    delivered.front.faults.cuts = cut.cuts;
    const { exitCode, stderr, result } = await delivered.download(delivered.ids.folder, '--output', folder);
    await rename(`${manifest}.away`, manifest);
    assert.equal(exitCode, 0, stderr);
    await assertWhole(folder);
    assert.deepEqual([result.checked, cut.done], [false, 5]);
    assert.match(stderr, /what comes isn't checked/);
    assert.ok(passedBytes(delivered.front) <= bytes + 5 * IN_HAND);
  });
});
