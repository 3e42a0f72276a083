import assert from 'node:assert/strict';
import { errorOf, withoutSecrets } from '../../src/api/request-log.ts';
import { REQUEST, Served } from './served.ts';

describe('secrets', () => {
  it('that callers send stay out of logs, problems and the queue', async () => {
    await using served = await Served.start({ tokens: 'yes' });
    const PLANTED = 'hunter2-planted';
    const { operator } = served.tokens;
    const authorization = `Bearer ${operator}`;
    const answers = [
      await served.post('/v1/exports', REQUEST, {
        authorization,
        cookie: `session=${PLANTED}`,
        'x-api-key': PLANTED,
      }),
      await served.get(`/v1/exports?token=${PLANTED}&X-Amz-Signature=${PLANTED}`, { authorization }),
      await served.get('/v1/exports', { authorization: `Bearer ${PLANTED}` }),
      await served.get('/queues', {
        authorization: `Basic ${Buffer.from(`x:${PLANTED}`).toString('base64')}`,
      }),
      await served.post('/v1/exports', { ...REQUEST, secret: { deep: PLANTED } }, { authorization }),
    ];
    const bodies = await Promise.all(answers.slice(2).map((answer) => answer.text()));
    const logged = served.log.join('');
    assert.ok(served.log.length >= 5);
    using view = served.view();
    const kept = await Promise.all(
      (await view.keys('*')).map(async (key) => `${key} ${await view.dump(key)}`),
    );
    for (const place of [logged, ...bodies, ...kept]) {
      for (const secret of [PLANTED, Buffer.from(PLANTED).toString('base64'), operator, served.tokens.viewer])
        assert.ok(!place.includes(secret), place);
    }
  });

  it('in parameters of a URL are left out of the log, and their names are kept', () => {
    assert.equal(
      withoutSecrets('/v1/exports?phase=Failed&cursor=abc&X-Amz-Signature=s'),
      '/v1/exports?phase=Failed&cursor=…&X-Amz-Signature=…',
    );
    assert.equal(withoutSecrets('/v1/exports'), '/v1/exports');
  });

  it('that an error carries are left out of the log', () => {
    const cause = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } });
    const logged = JSON.stringify(errorOf(new Error('no Redis', { cause })));
    assert.match(logged, /WRONGPASS/);
    assert.doesNotMatch(logged, /hunter2/);
  });
});
