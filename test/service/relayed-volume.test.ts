import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '@longshore/shared';
import express from 'express';
import { pino } from 'pino';
import { type Listening, listenWith } from '../../packages/producer/src/api/listen.ts';
import { sendProblem } from '../../packages/producer/src/api/problem/send-problem.ts';
import { requestLog } from '../../packages/producer/src/api/request-log.ts';
import { ClaimArchives } from '../../packages/producer/src/kubernetes/claim-archives.ts';
import { Longshore } from '../harness/longshore.ts';
import { freePort } from '../harness/server.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const MIB = 2 ** 20;
const LOOK_AGAIN_MS = 20;
const TOKEN = 'a-token';

/** What a producer in a cluster hands on, without the cluster: the volume's server is a process of this machine. */
describe('what a producer hands on of a volume’s own server', () => {
  let temp: TempFolder;
  let listening: Listening;
  let server: Longshore | undefined;
  let port: number;
  let started: number;
  let dismissed: number;
  let log: string[];
  let url: string;

  beforeEach(async () => {
    temp = await tempFolder('relayed');
    mkdirSync(join(temp.path, 'volume'));
    [started, dismissed, log, port] = [0, 0, [], await freePort()];
    const logger = pino({}, { write: (line) => log.push(line) });
    const place = { host: '127.0.0.1', port, token: TOKEN };
    const servers = {
      bring: async () => {
        if (!server) start();
        return place;
      },
      dismiss: async () => {
        dismissed++;
        await stop('SIGKILL');
      },
    };
    const archives = new ClaimArchives({ servers, logger });
    const app = express();
    app.use(requestLog(logger));
    app.get('/volume', (req, res) => archives.send({ name: 'photos', namespace: 'shop' }, { req, res }));
    app.use(sendProblem);
    listening = await listenWith({ host: '127.0.0.1', port: 0 }, { app, close: async () => undefined });
    url = `${listening.url}/volume`;
  });
  afterEach(async () => {
    await listening.close({ graceMs: 0 });
    await stop('SIGKILL');
    await temp[Symbol.asyncDispose]();
  });

  function start(token = TOKEN): void {
    started++;
    const env = {
      TMPDIR: mkdtempSync(join(temp.path, 'tmp-')),
      LONGSHORE_TOKEN: token,
      LONGSHORE_VOLUMES: JSON.stringify({ photos: join(temp.path, 'volume') }),
    };
    server = new Longshore(['serve-volume', '--listen', `127.0.0.1:${port}`], { env });
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    server?.kill(signal);
    await server?.finished;
    server = undefined;
  }

  const file = (name: string) => join(temp.path, 'volume', name);

  it('is the archive, as soon as its server is there, with all that resuming takes', async () => {
    writeFileSync(file('a'), 'content');
    const whole = await fetch(url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    assert.equal(whole.headers.get('content-length'), String(bytes.length));
    const headers = { range: 'bytes=100-1999', 'if-match': whole.headers.get('etag') ?? '' };
    await stop('SIGKILL');
    const part = await fetch(url, { headers });
    assert.equal(part.status, 206);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 2_000)));
    const head = await fetch(url, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(bytes.length));
    assert.equal(started, 2);
  });

  it('is a problem where that is one, under the same request id', async () => {
    const answer = await fetch(url, { headers: { range: 'bytes=100-', 'x-request-id': 'mine' } });
    const { code, requestId } = Problem.parse(await answer.json());
    assert.deepEqual([code, requestId], ['VOLUME_CHANGED', 'mine']);
  });

  it('breaks off where that breaks off', async () => {
    for (const name of ['a', 'b']) {
      writeFileSync(file(name), '');
      truncateSync(file(name), 200 * MIB);
    }
    const answer = await fetch(url);
    const reader = answer.body?.getReader();
    await reader?.read();
    appendFileSync(file('b'), 'more');
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
    });
    while (!log.some((line) => line.includes('was cut off'))) await delay(LOOK_AGAIN_MS);
  });

  it('is of another server where that one doesn’t know the token', async () => {
    writeFileSync(file('a'), 'content');
    start('an-older-token');
    const answer = await fetch(url);
    assert.ok(Buffer.from(await answer.arrayBuffer()).includes('content'));
    assert.equal(dismissed, 1);
  });
});
