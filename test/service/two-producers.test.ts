import assert from 'node:assert/strict';
import { join } from 'node:path';
import { TERMINAL_PHASES } from '@longshore/shared';
import { publishedNames } from '../harness/destination.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type Server, Service } from './processes.ts';
import { makeSlowVolume, SLOWEST } from './slow-volume.ts';

const ITEMS = 4;
const EXPORTS = 6;

describe('two producers on one Redis', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let servers: [Server, Server];

  before(async () => {
    temp = await tempFolder('two');
    const volume = join(temp.path, 'volume');
    makeSlowVolume(volume, { items: ITEMS });
    service = await Service.start({ volumes: { data: volume } });
    servers = await Promise.all([service.serve(), service.serve()]);
    await service.workers(2);
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143]);
    assert.deepEqual(left, []);
  });

  it('share the requests, and when one is killed, nothing is lost and nothing doubled', async () => {
    const [{ process: victim, api: first }, { api: second }] = servers;
    const names = Array.from({ length: EXPORTS }, (_, at) => `export-${at}`);
    // Each is asked for of both at the same time, as a client does whose first request seems to be lost.
    const answers = await Promise.all(
      names.flatMap((name) => {
        const request = { volume: 'data', destination: 'bucket', name, level: SLOWEST };
        return [first, second].map((api) => api.post(request, { 'idempotency-key': name }));
      }),
    );
    const created = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
    const found = answers.filter(({ status }) => status === 200).map(({ body }) => body.id);
    assert.deepEqual([created.length, found.sort()], [EXPORTS, created.toSorted()]);

    await second.until(created[0], ({ progress }) => progress.doneItems > 0);
    victim.kill('SIGKILL');
    await victim.finished;
    const meanwhile = await second.list();
    assert.deepEqual(meanwhile.map(({ id }) => id).sort(), created.toSorted());
    assert.ok(meanwhile.some(({ phase }) => !TERMINAL_PHASES.has(phase)));

    for (const id of created) {
      const { progress, retried } = await second.untilPhase(id, 'Completed');
      assert.deepEqual([progress.doneItems, progress.packs, retried], [ITEMS, ITEMS, 0]);
    }
    await service.settled();
    assert.equal((await second.list()).length, EXPORTS);
    assert.deepEqual(await service.bucket.contents(), names.flatMap(publishedNames).sort());
    assert.deepEqual(await service.keys(), []);
    const digests = await Promise.all(names.map((name) => service.sha256(`${name}.tar.zst`)));
    assert.equal(new Set(digests).size, 1);
  });
});
