import assert from 'node:assert/strict';
import { readConfig } from '../src/config.ts';
import { CliError } from '../src/error.ts';

const isUsage = (error: unknown): error is CliError => error instanceof CliError && error.code === 'USAGE';

describe('the configuration', () => {
  it('needs no variable at all', () => {
    const config = readConfig({});
    assert.deepEqual([config.debug, config.redis, config.logLevel], [false, undefined, undefined]);
    assert.deepEqual([config.volumes, config.destinations], [{}, {}]);
    assert.ok(config.cores >= 1);
  });

  it('is read from the environment, which child processes get as it is', () => {
    const environment = {
      LONGSHORE_DEBUG: '1',
      LONGSHORE_REDIS_URL: 'redis://:secret@host/0',
      LONGSHORE_VOLUMES: '{"data":"/data"}',
      LONGSHORE_DESTINATIONS: '{"archives":"s3://bucket"}',
      LONGSHORE_LOG_LEVEL: 'warn',
      PATH: '/bin',
    };
    const { debug, redis, volumes, destinations, logLevel, ...rest } = readConfig(environment);
    assert.deepEqual(
      { debug, redis, volumes, destinations, logLevel },
      {
        debug: true,
        redis: 'redis://:secret@host/0',
        volumes: { data: '/data' },
        destinations: { archives: 's3://bucket' },
        logLevel: 'warn',
      },
    );
    assert.deepEqual(rest.environment, environment);
  });

  it('is refused with every problem in it at once', () => {
    const wrong = {
      LONGSHORE_DEBUG: 'yes',
      LONGSHORE_REDIS_URL: '',
      LONGSHORE_VOLUMES: '{',
      LONGSHORE_DESTINATIONS: '["s3://bucket"]',
      LONGSHORE_LOG_LEVEL: 'loud',
    };
    assert.throws(
      () => readConfig(wrong),
      (error) => isUsage(error) && Object.keys(wrong).every((name) => error.message.includes(name)),
    );
  });

  for (const text of ['', 'data=/data', '7', 'null', '{"data":7}', '{"data":""}', '{"":"/data"}']) {
    it(`is refused with ${JSON.stringify(text)} for the volumes`, () => {
      assert.throws(() => readConfig({ LONGSHORE_VOLUMES: text }), isUsage);
    });
  }
});
