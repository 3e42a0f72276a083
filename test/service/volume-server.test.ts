import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '@longshore/shared';
import { Longshore } from '../harness/longshore.ts';
import { freePort } from '../harness/server.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const TOKEN = 'a-token-of-the-producer';
const LOOK_AGAIN_MS = 20;

describe("a volume's own server", () => {
  let temp: TempFolder;
  let server: Longshore;
  let url: string;

  before(async () => {
    temp = await tempFolder('volume-server');
    mkdirSync(join(temp.path, 'volume'));
    writeFileSync(join(temp.path, 'volume', 'file'), 'content');
  });
  afterEach(() => server[Symbol.asyncDispose]());
  after(() => temp[Symbol.asyncDispose]());

  /** With temporary files of its own, as every pod has. */
  async function start({ idle }: { idle: number }): Promise<void> {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const env = {
      TMPDIR: mkdtempSync(join(temp.path, 'tmp-')),
      LONGSHORE_TOKEN: TOKEN,
      LONGSHORE_VOLUMES: JSON.stringify({ photos: join(temp.path, 'volume') }),
    };
    const args = ['serve-volume', '--listen', `127.0.0.1:${port}`, '--idle', `${idle}`];
    server = new Longshore(args, { env });
    while (!(await fetch(`${url}/healthz`).catch(() => undefined))) await delay(LOOK_AGAIN_MS);
  }

  const get = (token: string, headers = {}) =>
    fetch(`${url}/archive.tar`, { headers: { authorization: `Bearer ${token}`, ...headers } });
  const codeOf = async (answer: Response) => Problem.parse(await answer.json()).code;

  it('gives the volume to who has its token, and to nobody else', async () => {
    await start({ idle: 600 });
    const answer = await get(TOKEN);
    assert.match(answer.headers.get('content-disposition') ?? '', /photos\.tar/);
    assert.ok(Buffer.from(await answer.arrayBuffer()).includes('content'));
    assert.equal(await codeOf(await get('another')), 'UNAUTHENTICATED');
    assert.equal(await codeOf(await fetch(`${url}/archive.tar`)), 'UNAUTHENTICATED');
    server.kill('SIGTERM');
    assert.equal((await server.finished).exitCode, 143);
  });

  it('goes on with no download that it may not have begun, unless that says which one it was', async () => {
    await start({ idle: 600 });
    const range = { range: 'bytes=100-' };
    assert.equal(await codeOf(await get(TOKEN, range)), 'VOLUME_CHANGED');
    const etag = (await get(TOKEN)).headers.get('etag') ?? '';
    server.kill('SIGKILL');
    await server.finished;
    await start({ idle: 600 });
    assert.equal((await get(TOKEN, { ...range, 'if-match': etag })).status, 206);
    assert.equal((await get(TOKEN, range)).status, 206, 'and from then on there is no doubt');
  });

  it('ends when nobody has asked for a while', async () => {
    await start({ idle: 1 });
    await (await get(TOKEN)).arrayBuffer();
    assert.equal((await server.finished).exitCode, 0);
  });
});
