import assert from 'node:assert/strict';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateExportInput } from '@longshore/shared';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { execa } from 'execa';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { publishedNames } from '../harness/destination.ts';
import { sha256OfFile } from '../harness/digest.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type Server, Service } from './processes.ts';

/** What a person would type: quiet but for errors, which fail it. */
const curl = (...args: string[]) => execa('curl', ['--silent', '--show-error', '--fail-with-body', ...args]);

describe('a service of real processes, over HTTP', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let volume: string;
  let service: Service;
  let server: Server;

  before(async () => {
    temp = await tempFolder('delivery');
    volume = join(temp.path, 'volume');
    makeRandomTree(volume, { seed: 41, bytes: 150e6, files: 400 });
    mkdirSync(join(volume, 'empty'));
    symlinkSync('d1/e1', join(volume, 'shortcut'));
    linkSync(join(volume, 'd0/e0/f0'), join(volume, 'another-name'));
    service = await Service.start({ volumes: { photos: volume } });
    server = await service.serve();
    await service.workers(2);
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143]);
    assert.deepEqual(left, []);
  });

  const postJson = async (request: CreateExportInput) => {
    const json = ['--header', 'Content-Type: application/json', '--data', JSON.stringify(request)];
    return JSON.parse((await curl(...json, `${server.api.url}/v1/exports`)).stdout);
  };

  /** What `curl` prints of the export's events, until the server ends them. */
  async function watched(id: string): Promise<EventSourceMessage[]> {
    const messages: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (message) => messages.push(message) });
    parser.feed(`${(await curl('--no-buffer', `${server.api.url}/v1/exports/${id}/events`)).stdout}\n`);
    return messages;
  }

  async function assertIsVolume(archive: string): Promise<void> {
    const extracted = join(temp.path, 'extracted');
    await mkdir(extracted);
    await execa('tar', [
      '--extract',
      '--zstd',
      '--same-permissions',
      '--file',
      archive,
      '--directory',
      extracted,
    ]);
    assert.deepEqual(compareTrees(volume, extracted), []);
    await rm(extracted, { recursive: true });
  }

  it('takes a request, tells how it goes on, and gives links by which the volume comes back', async () => {
    const { id, phase } = await postJson({ volume: 'photos', destination: 'bucket', name: 'linked' });
    assert.equal(phase, 'Pending');
    const messages = await watched(id);
    assert.equal(messages.at(-1)?.event, 'ended');
    assert.deepEqual(JSON.parse(messages.at(-1)?.data ?? ''), { phase: 'Completed' });
    const last = JSON.parse(messages.findLast(({ event }) => event === 'status')?.data ?? '');
    const parts = JSON.parse(messages.findLast(({ event }) => event === 'parts')?.data ?? '');
    assert.deepEqual(parts, { items: 3, done: Buffer.of(0b1110_0000).toString('base64') });
    assert.equal(last.progress.packs, 3);

    const byRedirect = join(temp.path, 'by-redirect.tar.zst');
    const byLink = join(temp.path, 'by-link.tar.zst');
    const { stdout } = await curl(
      ...['--location', '--output', byRedirect, '--write-out', '%{num_redirects} %{url_effective}'],
      `${server.api.url}/v1/exports/${id}/archive`,
    );
    assert.ok(stdout.startsWith(`1 ${service.s3.endpoint}/`), stdout);
    await curl('--output', byLink, await server.api.archiveLink(id));
    const digest = await service.sha256('linked.tar.zst');
    assert.deepEqual([await sha256OfFile(byRedirect), await sha256OfFile(byLink)], [digest, digest]);
    assert.equal((await stat(byLink)).size, last.result.archive.bytes);
    assert.deepEqual(await service.bucket.contents(), publishedNames('linked'));
    await assertIsVolume(byRedirect);
  });

  it('makes one export of requests with the same Idempotency-Key, also when they come at once', async () => {
    const before = (await server.api.list()).length;
    const request: CreateExportInput = { volume: 'photos', destination: 'bucket', name: 'once' };
    const key = { 'idempotency-key': 'a7c1' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => server.api.post(request, key)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 201]);
    const [{ id }] = answers.map(({ body }) => body);
    assert.ok(answers.every(({ body }) => body.id === id));
    const { progress } = await server.api.untilPhase(id, 'Completed');
    assert.equal(progress.packs, 3);
    const again = await server.api.post(request, key);
    assert.deepEqual([again.status, again.body.id, again.body.phase], [200, id, 'Completed']);
    const other = await server.api.post({ ...request, name: 'twice' }, key);
    assert.deepEqual([other.status, other.body.code], [422, 'IDEMPOTENCY_MISMATCH']);
    assert.equal((await server.api.list()).length, before + 1);
  });

  it('gives what is in a directory itself, and goes on with a download that broke off', async () => {
    const { id } = await postJson({ volume: 'photos', destination: 'folder', name: 'served' });
    const { result } = await server.api.untilPhase(id, 'Completed');
    const address = `${server.api.url}/v1/exports/${id}/archive`;
    assert.equal(await server.api.archiveLink(id), address);
    const archive = join(temp.path, 'served.tar.zst');
    await curl('--range', '0-9999999', '--output', archive, address);
    assert.equal((await stat(archive)).size, 10_000_000);
    const { stdout } = await curl(
      ...['--continue-at', '-', '--output', archive, '--write-out', '%{http_code} %{size_download}'],
      address,
    );
    assert.equal(stdout, `206 ${(result?.archive.bytes ?? 0) - 10_000_000}`);
    assert.equal(await sha256OfFile(archive), await sha256OfFile(join(service.folder, 'served.tar.zst')));
    assert.equal(await sha256OfFile(archive), await service.sha256('linked.tar.zst'));
    await assertIsVolume(archive);
  });
});
