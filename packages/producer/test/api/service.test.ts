import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Problem } from '@longshore/shared';
import { created, Served } from './served.ts';

describe('the service', () => {
  let served: Served;

  before(async () => {
    served = await Served.start({ limits: { readinessMs: 500, answerMs: 700 } });
  });
  after(() => served[Symbol.asyncDispose]());

  const ready = async () => (await served.get('/readyz')).status;

  it('is alive and ready', async () => {
    assert.deepEqual(await (await served.get('/healthz')).json(), { status: 'ok' });
    assert.equal(await ready(), 200);
  });

  it("isn't ready while Redis takes no writes, says so without its words, and is again when it does", async () => {
    using view = served.view();
    await view.config('SET', 'maxmemory', '1');
    const answer = await served.get('/readyz');
    const problem = (await answer.json()) as Problem;
    assert.deepEqual([answer.status, problem.code], [503, 'NOT_READY']);
    assert.doesNotMatch(JSON.stringify(problem), /OOM|maxmemory/);
    assert.equal((await served.get('/healthz')).status, 200);
    assert.equal((await served.get('/v1/exports')).status, 200);
    const refused = await served.post('/v1/exports', { volume: 'data', destination: 'archives' });
    assert.deepEqual([refused.status, ((await refused.json()) as Problem).code], [503, 'REDIS_FULL']);
    await view.config('SET', 'maxmemory', '0');
    assert.equal(await ready(), 200);
  });

  it("isn't ready while Redis is silent, and answers in time nevertheless", async () => {
    served.redis.freeze();
    try {
      const begin = performance.now();
      assert.equal(await ready(), 503);
      assert.ok(performance.now() - begin < 1_500);
      const metrics = await (await served.get('/metrics')).text();
      assert.match(metrics, /^longshore_redis_up 0$/m);
      const late = await served.get('/v1/exports');
      assert.deepEqual([late.status, ((await late.json()) as Problem).code], [503, 'TOO_SLOW']);
    } finally {
      served.redis.thaw();
    }
    assert.equal(await ready(), 200);
  });

  it('has figures of the process, HTTP, exports and the queue', async () => {
    await created(served);
    const answer = await served.get('/metrics');
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0.0.4/);
    const text = await answer.text();
    for (const line of [
      /^process_resident_memory_bytes \d/m,
      /^longshore_exports\{phase="(Pending|Planning)"\} [1-9]/m,
      /^longshore_exports\{phase="Failed"\} 0$/m,
      /^longshore_active_exports_progress\{what="done_tape_bytes"\} \d/m,
      /^longshore_http_request_seconds_count\{method="post",route="\/v1\/exports",status="201"\} 1$/m,
      /^longshore_redis_up 1$/m,
      /^bullmq_job_count\{queue="exports", state="waiting"\} \d/m,
    ])
      assert.match(text, line);
    const helps = text.split('\n').filter((line) => line.startsWith('# HELP'));
    assert.equal(new Set(helps).size, helps.length);
  });

  it('has pages whose scripts and styles are its own', async () => {
    const answer = await served.get('/queues');
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.doesNotMatch(policy, /upgrade-insecure-requests/);
    assert.equal(answer.headers.get('x-powered-by'), null);
    const page = await answer.text();
    const scripts = [...page.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, src]) => src);
    assert.ok(scripts.length > 0);
    // Browsers report what the policy keeps them from getting.
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
    for (const script of scripts) assert.equal((await served.get(`/queues/${script}`)).status, 200, script);
  });

  it('finishes the downloads under way when it closes, and takes nothing new', async () => {
    const closing = await Served.start();
    const bytes = randomBytes(30 * 2 ** 20);
    const { id } = await closing.complete(bytes);
    using agent = Object.assign(new Agent({ keepAlive: true }), { [Symbol.dispose]: () => agent.destroy() });
    const sent = get(new URL(`/v1/exports/${id}/archive`, closing.url), { agent });
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const closed = closing.listening.close();
    await assert.rejects(closing.get('/readyz'));
    assert.ok((await buffer(answer)).equals(bytes));
    const begin = performance.now();
    await closed;
    assert.ok(performance.now() - begin < 2_000, 'an idle connection was waited for');
    await closing[Symbol.asyncDispose]();
  });

  it('cuts off at the end of its grace who is too slow', async () => {
    const closing = await Served.start();
    const { id } = await closing.complete(randomBytes(30 * 2 ** 20));
    const sent = get(new URL(`/v1/exports/${id}/archive`, closing.url));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const ended = once(answer, 'error');
    await closing.listening.close({ graceMs: 100 });
    answer.resume();
    await ended;
    await closing[Symbol.asyncDispose]();
  });
});
