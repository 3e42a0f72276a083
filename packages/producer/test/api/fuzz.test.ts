import assert from 'node:assert/strict';
import { Problem } from '@longshore/shared';
import fc from 'fast-check';
import { REQUEST, Served } from './served.ts';

/** Each costs some milliseconds. */
const RUNS = { numRuns: 300 };

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '.', '..', '/', '\u0000', '__proto__', 'constructor', '%', '\ud800', 'x'.repeat(5_000)),
);

/** Bodies that are nearly right, so that they get past the first check. */
const nearBody = fc.record(
  {
    volume: fc.oneof({ weight: 3, arbitrary: fc.constant(REQUEST.volume) }, anyText, fc.jsonValue()),
    destination: fc.oneof(
      { weight: 3, arbitrary: fc.constant(REQUEST.destination) },
      anyText,
      fc.jsonValue(),
    ),
    name: fc.oneof(anyText, fc.jsonValue()),
    format: fc.oneof(fc.constantFrom('tar', 'tar.gz', 'tar.zst'), fc.jsonValue()),
    level: fc.oneof(fc.integer({ min: -1, max: 20 }), fc.double(), fc.jsonValue()),
    exclude: fc.oneof(fc.array(anyText), fc.jsonValue()),
    onChange: fc.oneof(fc.constantFrom('fail', 'record'), fc.jsonValue()),
    consistency: fc.oneof(fc.constantFrom('Live', 'Snapshot', 'Clone'), fc.jsonValue()),
    snapshotClass: fc.oneof(fc.constant('fast'), anyText, fc.jsonValue()),
  },
  { requiredKeys: ['volume', 'destination'] },
);

describe('whatever is sent to the API', () => {
  let served: Served;

  before(async () => {
    served = await Served.start({ limits: { requestsPerMinute: 1_000_000 } });
  });
  after(() => served[Symbol.asyncDispose]());

  async function expectNoFault(answer: Response): Promise<void> {
    const text = await answer.text();
    assert.ok(answer.status < 500, `${answer.status}: ${text}`);
    if (answer.status < 400) return;
    const problem = Problem.parse(JSON.parse(text));
    assert.equal(problem.status, answer.status);
    assert.ok(problem.detail.length > 0 && problem.detail.length < 2_000, problem.detail);
  }

  it('as a body, is understood or is a problem of the caller’s', async () => {
    const body = fc.oneof(nearBody, fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(body, async (value) => expectNoFault(await served.post('/v1/exports', value))),
      RUNS,
    );
  });

  it('as bytes of whatever kind, too', async () => {
    const type = fc.constantFrom('application/json', 'text/plain', 'application/json; charset=x', '');
    const encoding = fc.constantFrom('identity', 'gzip', 'br', 'deflate', 'x');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), type, encoding, async (bytes, type, encoding) => {
        const headers = { ...(type && { 'content-type': type }), 'content-encoding': encoding };
        await expectNoFault(
          await served.request('/v1/exports', { method: 'POST', body: Buffer.from(bytes), headers }),
        );
      }),
      RUNS,
    );
  });

  it('as a query, too', async () => {
    const name = fc.oneof(fc.constantFrom('phase', 'volume', 'cursor', 'limit', 'limit'), anyText);
    const value = fc.oneof(
      fc.constantFrom('Failed', 'data', '1', '200', '1e1', ''),
      fc.integer().map(String),
      anyText,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (pairs) => {
        const query = pairs.map(([key, each]) => `${encode(key)}=${encode(each)}`).join('&');
        await expectNoFault(await served.get(`/v1/exports?${query}`));
      }),
      RUNS,
    );
  });

  it('as an id, an action or a header, too', async () => {
    const action = fc.constantFrom('', '/archive', '/links', '/events', '/cancel', '/nonsense');
    const method = fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH');
    const header = fc.tuple(
      fc.constantFrom(
        'range',
        'if-match',
        'if-none-match',
        'last-event-id',
        'accept',
        'idempotency-key',
        'x-request-id',
        'origin',
        'sec-fetch-site',
        'authorization',
      ),
      fc.string({ unit: 'grapheme-ascii', maxLength: 40 }).map((text) => text.trim()),
    );
    const { id } = await served.complete(Buffer.from('some bytes'), { name: 'there' });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(id), anyText),
        action,
        method,
        header,
        async (each, action, method, header) => {
          const answer = await served.request(`/v1/exports/${encode(each)}${action}`, {
            method,
            headers: [header],
          });
          if (answer.headers.get('content-type') !== 'text/event-stream' && answer.ok)
            await answer.body?.cancel();
          else if (!answer.ok) await expectNoFault(answer);
          else await answer.body?.cancel();
        },
      ),
      RUNS,
    );
  });

  /** As browsers do it: what isn't Unicode becomes U+FFFD. */
  const encode = (text: string) => encodeURIComponent(text.toWellFormed());
});
