import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExportStatus, exportKeys, type PartMap, QUEUE } from '@longshore/shared';
import type { ApiProducer } from '../../src/api/index.ts';
import type { Producer } from '../../src/producer.ts';
import { EventReader } from './event-reader.ts';
import { created, REQUEST, Served, withExports } from './served.ts';

/** Rounds of a test needn't wait for a second. */
const LIMITS = { watchMs: 20, heartbeatMs: 30 };

/** A producer whose exports' statuses are long, and always others: the system's own buffers take several megabytes. */
function wordy(producer: Producer): ApiProducer {
  const exclude = () => [randomBytes(150_000).toString('hex')];
  return withExports(producer, {
    get: async (id) => ({ ...(await producer.exports.get(id)), exclude: exclude() }),
  });
}

/** A producer whose looks are counted. */
function counting(looks: { count: number }): (producer: Producer) => ApiProducer {
  return (producer) =>
    withExports(producer, {
      get: (id) => {
        looks.count++;
        return producer.exports.get(id);
      },
    });
}

describe('events of an export', () => {
  let served: Served;
  const looks = { count: 0 };

  before(async () => {
    served = await Served.start({ limits: LIMITS, wrap: counting(looks) });
  });
  after(() => served[Symbol.asyncDispose]());

  const eventsOf = (id: string, headers?: Record<string, string>) =>
    EventReader.open(new URL(`/v1/exports/${id}/events`, served.url), headers);

  /** An export that has a run, so that it has counters and a map of parts. */
  async function running(): Promise<{ id: string; run: string }> {
    const { id } = await created(served);
    for (;;) {
      const record = await served.producer.records.get(id);
      if (record?.run) return { id, run: record.run.id };
      await delay(5);
    }
  }

  it('tell how it is, what changes, and how it ends', async () => {
    const { id, run } = await running();
    using reader = await eventsOf(id);
    assert.match(reader.answer.headers['content-type'] ?? '', /^text\/event-stream/);
    const first = await reader.next('status');
    assert.equal((first.data as ExportStatus).id, id);
    await reader.next('parts');
    using view = served.view();
    const keys = exportKeys(QUEUE, run);
    await view.hset(keys.counters, { items: 10, tapeBytes: 1_000 });
    await view.setbit(keys.done, 3, 1);
    const { data } = await reader.next('parts', ({ done }) => done !== '');
    assert.deepEqual(data, {
      items: 10,
      done: Buffer.from([0b0001_0000]).toString('base64'),
    } satisfies PartMap);
    await served.post(`/v1/exports/${id}/cancel`);
    await reader.next('status', ({ phase }) => phase === 'Cancelled');
    const ended = await reader.next('ended');
    assert.deepEqual(ended.data, { phase: 'Cancelled' });
    assert.deepEqual(await Array.fromAsync(reader.events()), []);
    assert.ok(Number(first.id) > 0 && ended.id.endsWith('-ended'));
  });

  it('come whole to who comes back, and not at all to who has seen the end', async () => {
    const { id } = await served.complete(Buffer.from('bytes'), { name: 'complete' });
    using reader = await eventsOf(id, { 'last-event-id': '17' });
    const events = await Array.fromAsync(reader.events());
    assert.deepEqual(
      events.map(({ event }) => event),
      ['status', 'parts', 'ended'],
    );
    assert.ok(
      events.every(
        (event, at) => at === 0 || Number.parseInt(event.id, 10) > Number.parseInt(events[at - 1].id, 10),
      ),
    );
    using again = await eventsOf(id, { 'last-event-id': events[2].id });
    assert.equal(again.answer.statusCode, 204);
  });

  it('end when it is deleted', async () => {
    const { id } = await running();
    using reader = await eventsOf(id);
    await reader.next('parts');
    const record = await served.producer.records.get(id);
    await served.post(`/v1/exports/${id}/cancel`);
    await reader.next('ended');
    assert.ok(record);
    await served.request(`/v1/exports/${id}`, { method: 'DELETE' });
    for (;;) if ((await served.get(`/v1/exports/${id}/events`)).status === 404) return;
  });

  it('are looked at once for any number of readers', async () => {
    const { id } = await running();
    const readers = await Promise.all(Array.from({ length: 50 }, () => eventsOf(id)));
    await Promise.all(readers.map((reader) => reader.next('parts')));
    const before = looks.count;
    const begin = performance.now();
    await delay(20 * LIMITS.watchMs);
    const rounds = (performance.now() - begin) / LIMITS.watchMs;
    assert.ok(looks.count - before <= rounds + 1, `${looks.count - before} looks in ${rounds} rounds`);
    assert.ok(looks.count - before >= 3);
    for (const reader of readers) reader[Symbol.dispose]();
    await unwatched();
  });

  /** Waits until nobody reads, and nothing is looked at any more. */
  async function unwatched(): Promise<void> {
    const text = async () => (await served.get('/metrics')).text();
    while (!(await text()).includes('longshore_event_streams 0')) await delay(5);
    const { count } = looks;
    await delay(5 * LIMITS.watchMs);
    assert.equal(looks.count, count);
  }

  it('say that they are alive when nothing happens', async () => {
    const { id } = await running();
    using reader = await eventsOf(id);
    await reader.next('parts');
    await reader.sign();
  });

  it('are not for an export that there is none of, and HEAD sends none', async () => {
    assert.equal((await served.get('/v1/exports/x0000000000/events')).status, 404);
    const { id } = await running();
    const head = await served.request(`/v1/exports/${id}/events`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    assert.equal((await served.get(`/v1/exports/${id}/events`, { accept: 'application/json' })).status, 406);
  });

  it('drop a reader who does not read, and nobody else', async () => {
    await using slow = await Served.start({ limits: LIMITS, wrap: wordy });
    const { id } = await created(slow);
    const { port } = slow.listening;
    const lazy = connect(port, '127.0.0.1');
    lazy.on('error', () => undefined);
    lazy.pause();
    lazy.write(`GET /v1/exports/${id}/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    using reader = await EventReader.open(new URL(`/v1/exports/${id}/events`, slow.url));
    const streams = async () => /event_streams (\d+)$/m.exec(await (await slow.get('/metrics')).text())?.[1];
    while ((await streams()) !== '2') await reader.next('status');
    while ((await streams()) !== '1') await reader.next('status');
    for (let more = 0; more < 3; more++) await reader.next('status');
    lazy.destroy();
  });

  it('are limited in number', async () => {
    await using few = await Served.start({ limits: { ...LIMITS, streams: 1 } });
    const { id } = await created(few);
    using one = await EventReader.open(new URL(`/v1/exports/${id}/events`, few.url));
    await one.next('parts');
    const refused = await few.get(`/v1/exports/${id}/events`);
    assert.deepEqual(
      [refused.status, ((await refused.json()) as { code: string }).code],
      [503, 'TOO_MANY_STREAMS'],
    );
    assert.ok(refused.headers.get('retry-after'));
  });

  it('end when the server closes, and leave nothing behind', async () => {
    const closing = await Served.start({ limits: LIMITS });
    const { id } = await created(closing);
    using reader = await EventReader.open(new URL(`/v1/exports/${id}/events`, closing.url));
    await reader.next('parts');
    const begin = performance.now();
    await closing.listening.close();
    assert.ok(performance.now() - begin < 2_000);
    for await (const { event } of reader.events()) assert.notEqual(event, 'ended');
    await closing[Symbol.asyncDispose]();
  });

  it('end for whose token is withdrawn, and for nobody else', async () => {
    await using guarded = await Served.start({ tokens: 'yes', limits: LIMITS });
    const { viewer, operator } = guarded.tokens;
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const { id } = (await (
      await guarded.post('/v1/exports', { ...REQUEST, name: 'guarded' }, bearer(operator))
    ).json()) as ExportStatus;
    const url = new URL(`/v1/exports/${id}/events`, guarded.url);
    using withdrawn = await EventReader.open(url, bearer(viewer));
    using kept = await EventReader.open(url, bearer(operator));
    const lines = (await readFile(guarded.tokenFile, 'utf8')).split('\n');
    await writeFile(guarded.tokenFile, lines.filter((line) => !line.includes('"vera"')).join('\n'));
    const last = await Array.fromAsync(withdrawn.events());
    assert.ok(last.every(({ event }) => event !== 'ended'));
    assert.equal((await guarded.get(url.pathname, bearer(viewer))).status, 401);
    await guarded.post(`/v1/exports/${id}/cancel`, undefined, bearer(operator));
    await kept.next('ended');
  });

  it('go on when Redis was away', async () => {
    await using shaken = await Served.start({ limits: LIMITS });
    const { id } = await created(shaken);
    using reader = await EventReader.open(new URL(`/v1/exports/${id}/events`, shaken.url));
    await reader.next('parts');
    await shaken.redis.restart();
    await shaken.producer.exports.cancel(id);
    await reader.next('ended');
  });
});
