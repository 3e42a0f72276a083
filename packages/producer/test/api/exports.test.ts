import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { CONSISTENCIES, ExportStatus, Problem } from '@longshore/shared';
import { MemoryStore } from '@longshore/store';
import { created, REQUEST, Served, withExports } from './served.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('exports over HTTP', () => {
  let served: Served;

  before(async () => {
    served = await Served.start({ destinations: { elsewhere: new MemoryStore() } });
  });
  after(() => served[Symbol.asyncDispose]());

  async function expectProblem(answer: Response, status: number, code: string): Promise<Problem> {
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    const problem = Problem.parse(await answer.json());
    assert.deepEqual([answer.status, problem.status, problem.code], [status, status, code], problem.detail);
    assert.equal(problem.requestId, answer.headers.get('x-request-id'));
    assert.equal(answer.headers.get('x-powered-by'), null);
    return problem;
  }

  it('are created, with an address, and are then what was asked for', async () => {
    const answer = await served.post('/v1/exports', { ...REQUEST, name: 'first', exclude: ['*.tmp'] });
    assert.equal(answer.status, 201);
    const status = ExportStatus.parse(await answer.json());
    assert.equal(answer.headers.get('location'), `/v1/exports/${status.id}`);
    assert.deepEqual(
      [status.name, status.exclude, status.level, status.onChange],
      ['first', ['*.tmp'], 3, 'record'],
    );
    const got = await served.get(answer.headers.get('location')!);
    assert.equal(ExportStatus.parse(await got.json()).id, status.id);
    assert.equal(got.headers.get('cache-control'), 'no-store');
  });

  it('are of the volume as it is, and say nothing of it', async () => {
    for (const request of [{}, { consistency: 'Live' }]) {
      const status = ExportStatus.parse(await created(served, request));
      assert.deepEqual(
        Object.keys(status).filter((key) => /consistency|snapshot/i.test(key)),
        [],
      );
    }
  });

  it('are listed, newest first, page by page', async () => {
    const ids = [];
    for (const _ of [1, 2, 3]) ids.push((await created(served, { volume: 'other' })).id);
    const page = async (query: string) =>
      (await served.get(`/v1/exports?volume=other&limit=2${query}`)).json();
    const first = (await page('')) as { exports: ExportStatus[]; next: string };
    const second = (await page(`&cursor=${encodeURIComponent(first.next)}`)) as typeof first;
    const seen = [...first.exports, ...second.exports].map(({ id }) => id);
    assert.deepEqual(seen, ids.reverse());
    assert.equal(second.next, undefined);
  });

  it('are suspended, resumed, cancelled, tried again and deleted', async () => {
    const { id } = await created(served);
    const act = async (action: string, status = 202) => {
      const answer = await served.post(`/v1/exports/${id}/${action}`);
      assert.equal(answer.status, status, await answer.text());
    };
    await act('suspend');
    await act('resume');
    await act('retry', 409);
    await expectProblem(await served.request(`/v1/exports/${id}`, { method: 'DELETE' }), 409, 'WRONG_PHASE');
    await act('cancel');
    await reaches(id, (status) => status?.phase === 'Cancelled');
    await act('cancel', 409);
    await act('retry');
    await act('cancel');
    await reaches(id, (status) => status?.phase === 'Cancelled');
    assert.equal((await served.request(`/v1/exports/${id}`, { method: 'DELETE' })).status, 202);
    await reaches(id, (status) => status === undefined);
  });

  /** Asks until it's so; mocha's limit is the deadline. */
  async function reaches(id: string, test: (status: ExportStatus | undefined) => boolean): Promise<void> {
    for (;;) {
      const answer = await served.get(`/v1/exports/${id}`);
      const body = await answer.json();
      if (test(answer.status === 404 ? undefined : ExportStatus.parse(body))) return;
    }
  }

  it('are volumes and destinations that were configured, told by name', async () => {
    assert.deepEqual(await (await served.get('/v1/volumes')).json(), {
      volumes: [{ name: 'data' }, { name: 'other' }],
    });
    assert.deepEqual(await (await served.get('/v1/destinations')).json(), {
      destinations: [
        { name: 'archives', kind: 'directory' },
        { name: 'elsewhere', kind: 'directory' },
      ],
    });
  });

  describe('with an idempotency key', () => {
    const create = (key: string, body: object = REQUEST) =>
      served.post('/v1/exports', body, { 'idempotency-key': key });

    it('are created once, however often and however many at once ask', async () => {
      const answers = await Promise.all([1, 2, 3, 4].map(() => create('once', { ...REQUEST, name: 'once' })));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 201]);
      const ids = await Promise.all(
        answers.map(async (answer) => ((await answer.json()) as ExportStatus).id),
      );
      assert.equal(new Set(ids).size, 1);
    });

    it('are the same where the body means the same', async () => {
      assert.equal((await create('means', { ...REQUEST, name: 'means' })).status, 201);
      const explicit = {
        format: 'tar.zst',
        name: 'means',
        exclude: [],
        onChange: 'record',
        consistency: 'Live',
        destination: 'archives',
        volume: 'data',
      };
      assert.equal((await create('means', explicit)).status, 200);
    });

    it("aren't changed by another body", async () => {
      await create('other', { ...REQUEST, name: 'one' });
      await expectProblem(await create('other', { ...REQUEST, name: 'two' }), 422, 'IDEMPOTENCY_MISMATCH');
    });

    it('are refused where the key is none', async () => {
      for (const key of ['a b', 'x'.repeat(256)]) await expectProblem(await create(key), 400, 'BAD_REQUEST');
    });
  });

  it('each of two callers has keys of its own', async () => {
    await using two = await Served.start({ tokens: 'yes' });
    const line = await two.post('/v1/exports', REQUEST, {
      'idempotency-key': 'same',
      authorization: `Bearer ${two.tokens.operator}`,
    });
    assert.equal(line.status, 201);
    const [record] = (await two.producer.records.list({ limit: 5 })).records;
    const again = await two.producer.exports.create(
      { ...REQUEST, name: 'mine', format: 'tar.zst', exclude: [], onChange: 'record', consistency: 'Live' },
      { caller: 'somebody-else', key: 'same' },
    );
    assert.notEqual(again.status.id, record.id);
  });

  describe('are refused', () => {
    const REFUSED: [string, object, number, string, string][] = [
      ['a volume that there is none of', { volume: 'nope' }, 422, 'UNKNOWN_VOLUME', '"nope"'],
      ['a destination that there is none of', { destination: 'nope' }, 422, 'UNKNOWN_DESTINATION', '"nope"'],
      ['a path for a volume', { volume: '/etc' }, 400, 'BAD_REQUEST', 'body.volume: "/etc"'],
      [
        'a destination by its address',
        { destination: 's3://bucket' },
        400,
        'BAD_REQUEST',
        'body.destination',
      ],
      ['a level out of range', { format: 'tar.gz', level: 12 }, 400, 'BAD_REQUEST', 'Level 12'],
      ['a name with a slash', { name: 'a/b' }, 400, 'BAD_REQUEST', '"a/b"'],
      ['a pattern that makes no sense', { exclude: ['['] }, 400, 'BAD_EXCLUDE', '['],
      ['something that nobody knows', { endpoint: 'http://x' }, 400, 'BAD_REQUEST', 'endpoint'],
      ['a number for a name', { name: 5 }, 400, 'BAD_REQUEST', 'body.name'],
      ['workers of its own', { workers: 2 }, 400, 'BAD_REQUEST', 'leave `workers` out'],
      ['a clone', { consistency: 'Clone' }, 400, 'BAD_REQUEST', 'leave `consistency`'],
      [
        'a snapshot of a class',
        { consistency: 'Snapshot', snapshotClass: 'fast' },
        400,
        'BAD_REQUEST',
        'leave `consistency` and `snapshotClass` out',
      ],
    ];

    for (const [what, change, status, code, said] of REFUSED) {
      it(`for ${what}`, async () => {
        const problem = await expectProblem(
          await served.post('/v1/exports', { ...REQUEST, ...change }),
          status,
          code,
        );
        assert.ok(problem.detail.includes(said), problem.detail);
      });
    }

    it('for workers of its own, later as well', async () => {
      const { id } = await created(served);
      const init = { method: 'PATCH', headers: JSON_TYPE, body: JSON.stringify({ workers: 2 }) };
      const problem = await expectProblem(
        await served.request(`/v1/exports/${id}`, init),
        400,
        'BAD_REQUEST',
      );
      assert.match(problem.detail, /leave `workers` out/);
    });

    it('for several faults, with each of them', async () => {
      const answer = await served.post('/v1/exports', { volume: 1, destination: '', level: 'high' });
      const { errors } = await expectProblem(answer, 400, 'BAD_REQUEST');
      assert.deepEqual(errors?.map(({ path }) => path).sort(), [
        'body.destination',
        'body.level',
        'body.volume',
      ]);
    });

    it('where the name is taken', async () => {
      await created(served, { name: 'taken' });
      await expectProblem(await served.post('/v1/exports', { ...REQUEST, name: 'taken' }), 409, 'NAME_TAKEN');
    });

    const raw = (body: RequestInit['body'], headers: Record<string, string> = JSON_TYPE) =>
      served.request('/v1/exports', { method: 'POST', body, headers });

    it('where the body is no JSON', async () => {
      for (const body of ['', '{', 'null', '5', '"text"', '[1]', '{"volume":"data"', '\u0000'])
        await raw(body).then(async (answer) => {
          assert.equal(answer.status, 400, body);
          assert.match(((await answer.json()) as Problem).code, /^BAD_(JSON|REQUEST)$/);
        });
    });

    it('where the body is of another kind', async () => {
      const body = JSON.stringify(REQUEST);
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'nonsense',
      ])
        await expectProblem(await raw(body, { 'content-type': type }), 415, 'UNSUPPORTED_BODY');
      await expectProblem(
        await raw(body, { 'content-type': 'application/json; charset=latin1' }),
        415,
        'UNSUPPORTED_BODY',
      );
      await expectProblem(
        await raw(body, { ...JSON_TYPE, 'content-encoding': 'compress' }),
        415,
        'UNSUPPORTED_BODY',
      );
      await expectProblem(await raw(body, { ...JSON_TYPE, 'content-encoding': 'gzip' }), 400, 'BAD_REQUEST');
    });

    it('where the body is too large, packed or not', async () => {
      const large = JSON.stringify({ ...REQUEST, name: 'x'.repeat(2 ** 21) });
      await expectProblem(await raw(large), 413, 'BODY_TOO_LARGE');
      await expectProblem(
        await raw(gzipSync(large), { ...JSON_TYPE, 'content-encoding': 'gzip' }),
        413,
        'BODY_TOO_LARGE',
      );
    });

    it('where the address, the method or the answer’s kind is wrong', async () => {
      await expectProblem(await served.get('/v1/exports/x0000000000'), 404, 'UNKNOWN_EXPORT');
      await expectProblem(await served.get('/v1/exports/%00'), 400, 'BAD_REQUEST');
      await expectProblem(await served.get('/v1/exports/%E0%A4%A'), 400, 'BAD_REQUEST');
      await expectProblem(await served.get('/v1/exports/'), 404, 'NO_SUCH_ROUTE');
      await expectProblem(await served.get('/V1/exports'), 404, 'NO_SUCH_ROUTE');
      await expectProblem(await served.get('/v1/exports?limit=0'), 400, 'BAD_REQUEST');
      await expectProblem(await served.get('/v1/exports?limit=1&limit=2'), 400, 'BAD_REQUEST');
      await expectProblem(await served.get('/v1/exports?cursor=nonsense'), 400, 'BAD_REQUEST');
      await expectProblem(await served.get('/v1/exports', { accept: 'text/html' }), 406, 'NOT_ACCEPTABLE');
      const put = await served.request('/v1/exports', { method: 'PUT' });
      await expectProblem(put, 405, 'METHOD_NOT_ALLOWED');
      assert.equal(put.headers.get('allow'), 'GET, HEAD, POST');
      const options = await served.request('/v1/exports/x00000000/archive', { method: 'OPTIONS' });
      assert.deepEqual([options.status, options.headers.get('allow')], [405, 'GET, HEAD']);
    });

    it('without a word of the insides, where the server is at fault', async () => {
      const insides = new Error('connect ECONNREFUSED /srv/secret password=hunter2');
      await using broken = await Served.start({
        wrap: (producer) => withExports(producer, { list: () => Promise.reject(insides) }),
      });
      const problem = await expectProblem(await broken.get('/v1/exports'), 500, 'INTERNAL');
      assert.doesNotMatch(JSON.stringify(problem), /ECONN|secret|hunter2|\.ts/);
      const line = broken.log.find((each) => each.includes('hunter2')) ?? '{}';
      assert.equal(JSON.parse(line).req.id, problem.requestId);
    });
  });

  it('have the id that a proxy gave a request, where it is one', async () => {
    const ask = async (id: string) =>
      (await served.get('/v1/volumes', { 'x-request-id': id })).headers.get('x-request-id');
    assert.equal(await ask('proxy-1.2_3'), 'proxy-1.2_3');
    assert.match((await ask('no good\t"}')) ?? '', /^[0-9a-f-]{36}$/);
  });

  it('end the connection of a body that never comes, and live on', async () => {
    const sent = request(new URL('/v1/exports', served.url), {
      method: 'POST',
      headers: { ...JSON_TYPE, 'content-length': '100' },
    });
    sent.on('error', () => undefined);
    sent.write('{');
    sent.destroy();
    assert.equal((await served.get('/healthz')).status, 200);
  });

  it('are described by a document that leads to each schema', async () => {
    const document = await (await served.get('/v1/openapi.json')).text();
    const { openapi, components } = JSON.parse(document);
    assert.equal(openapi, '3.1.0');
    for (const [, name] of document.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      assert.ok(components.schemas[name], name);
    assert.deepEqual(components.schemas.CreateExport.required, ['volume', 'destination']);
    const { consistency, snapshotClass } = components.schemas.CreateExport.properties;
    assert.deepEqual([consistency.enum, consistency.default], [CONSISTENCIES, 'Live']);
    assert.equal(snapshotClass.type, 'string');
    assert.deepEqual(components.schemas.ExportStatus.properties.consistency.enum, CONSISTENCIES);
    assert.ok(components.schemas.PartMap);
  });

  it('are asked by HEAD as by GET', async () => {
    const answer = await new Promise<import('node:http').IncomingMessage>((resolve) =>
      request(new URL('/v1/volumes', served.url), { method: 'HEAD' }, resolve).end(),
    );
    assert.deepEqual([answer.statusCode, await text(answer)], [200, '']);
  });
});
