import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '@longshore/shared';
import { Served } from './served.ts';

const PATH = '/v1/volumes/data/archive.tar';
const LOOK_AGAIN_MS = 10;

describe('a live volume over HTTP', () => {
  let served: Served;

  afterEach(() => served[Symbol.asyncDispose]());

  const codeOf = async (answer: Response) => Problem.parse(await answer.json()).code;

  it('comes as a tar', async () => {
    served = await Served.start();
    writeFileSync(join(served.volume, 'file'), 'content');
    const answer = await served.get(PATH);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/x-tar']);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.headers.get('content-length'), String(bytes.length));
    assert.ok(bytes.includes('content'));
  });

  it('is told when to ask again, while the volume is planned', async () => {
    served = await Served.start({ live: { planWaitMs: 0, retrySeconds: 7 } });
    const answer = await served.get(PATH);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '7']);
    assert.equal(await codeOf(answer), 'PLANNING');
    while ((await served.request(PATH, { method: 'HEAD' })).status !== 200) await delay(LOOK_AGAIN_MS);
  });

  it('is told when to ask again, while others are served; and that answer says nothing of an archive', async () => {
    served = await Served.start({ live: { transfers: 1 } });
    writeFileSync(join(served.volume, 'large'), '');
    truncateSync(join(served.volume, 'large'), 2 ** 30);
    const first = await served.get(PATH);
    const second = await served.get(PATH, { range: 'bytes=0-9' });
    assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '10']);
    for (const name of ['etag', 'content-range', 'accept-ranges', 'content-disposition'])
      assert.equal(second.headers.get(name), null, name);
    assert.equal(await codeOf(second), 'TOO_MANY_TRANSFERS');
    assert.equal((await served.request(PATH, { method: 'HEAD' })).status, 200);
    await first.body?.cancel();
    while ((await served.get(PATH, { range: 'bytes=0-9' })).status !== 206) await delay(LOOK_AGAIN_MS);
  });

  it('lets go of a reader who takes nothing', async () => {
    served = await Served.start({ live: { stalledMs: 200 } });
    writeFileSync(join(served.volume, 'large'), '');
    truncateSync(join(served.volume, 'large'), 2 ** 30);
    const answer = await served.get(PATH);
    await delay(0);
    while (!served.log.some((line) => line.includes(PATH) && line.includes('"res"')))
      await delay(LOOK_AGAIN_MS);
    await assert.rejects(answer.arrayBuffer());
  });

  it('is a problem of 409, not a broken download, where nothing of it was sent yet', async () => {
    served = await Served.start();
    writeFileSync(join(served.volume, 'file'), 'content');
    await served.request(PATH, { method: 'HEAD' });
    writeFileSync(join(served.volume, 'file'), 'other content');
    const answer = await served.get(PATH);
    assert.deepEqual([answer.status, await codeOf(answer)], [409, 'VOLUME_CHANGED']);
    const again = await served.get(PATH);
    assert.ok(Buffer.from(await again.arrayBuffer()).includes('other content'));
  });
});
