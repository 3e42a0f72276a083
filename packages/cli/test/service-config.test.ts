import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { readServiceConfig, type ServiceConfig } from '../src/config/service.ts';
import { readConfig } from '../src/config.ts';
import { CliError } from '../src/error.ts';

const tls = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url));
const SECRET = 'hunter2-hunter2';

describe('the configuration file', () => {
  let temp: TempFolder;
  const at = (name: string) => join(temp.path, name);

  beforeEach(async () => {
    temp = await tempFolder('service-config');
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  async function read(said: unknown, environment: NodeJS.ProcessEnv = {}): Promise<ServiceConfig> {
    const text = typeof said === 'string' ? said : stringify(said);
    await writeFile(at('config.yaml'), text);
    return readServiceConfig(at('config.yaml'), readConfig(environment));
  }

  /** The sentence that a configuration is refused with, which never has a secret in it. */
  async function refusal(said: unknown, environment?: NodeJS.ProcessEnv): Promise<string> {
    const refused: unknown = await read(said, environment).then(JSON.stringify, (error: unknown) => error);
    assert.ok(refused instanceof CliError, String(refused));
    assert.equal(refused.code, 'USAGE');
    assert.ok(!refused.message.includes('hunter2'), refused.message);
    assert.doesNotMatch(refused.message, /\n|undefined|Invalid input/);
    return refused.message;
  }

  async function secretFile(name: string, content = `${SECRET}\n`): Promise<string> {
    await writeFile(at(name), content);
    return at(name);
  }

  it('may say nothing, and then has defaults', async () => {
    for (const nothing of ['', '# later\n', '{}', 'null']) {
      const config = await read(nothing);
      assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8_080 });
      assert.deepEqual([config.redis, config.volumes.size, config.logLevel], [undefined, 0, 'info']);
      assert.equal(config.auth.metrics, 'token');
    }
  });

  it('is YAML, or JSON, with short and long forms', async () => {
    const config = await read({
      listen: '[::1]:9000',
      redis: 'rediss://redis.example:6380/2',
      volumes: { photos: '/srv/photos/', mail: { path: '/srv/mail' } },
      destinations: { near: '/archives', far: { uri: 's3://bucket/a', region: 'eu-west-1' } },
      auth: { tokensFile: '/etc/longshore/tokens.yaml', metrics: 'open' },
      limits: { bodyBytes: 65_536, requestsPerMinute: 60 },
      logLevel: 'warn',
      spool: '/var/tmp',
      threads: 3,
      retainFailed: '36h',
    });
    assert.deepEqual(config.listen, { host: '::1', port: 9_000 });
    assert.equal(config.redis, 'rediss://redis.example:6380/2');
    assert.deepEqual(Object.fromEntries(config.volumes), { photos: '/srv/photos', mail: '/srv/mail' });
    assert.deepEqual(config.destinations.get('near'), { uri: '/archives' });
    assert.equal(config.destinations.get('far')?.s3?.region, 'eu-west-1');
    assert.deepEqual([config.threads, config.spool, config.retainFailedMs], [3, '/var/tmp', 36 * 3_600_000]);
    assert.deepEqual(
      await read('{"volumes": {"mail": "/srv/mail"}}'),
      await read('volumes:\n  mail: /srv/mail\n'),
    );
  });

  it('is refused with everything that is wrong in it at once, each by its path', async () => {
    const said = await refusal({
      listen: 'everywhere',
      redis: { url: 'redis://host/jobs', colour: 'red' },
      volumes: { photos: { path: 'photos' }, 'a b': '/srv/ab', good: '/srv/good' },
      destinations: {
        x: { uri: `s3://key:${SECRET}@bucket` },
        y: { uri: 's3://bucket', endpoint: `http://key:${SECRET}@host` },
        z: '/srv/good/archives',
        w: { uri: 's3://bucket', accessKeyIdFile: at('nowhere') },
      },
      auth: { metrics: 'sometimes' },
      limits: { bodyBytes: 'many', speed: 1 },
      logLevel: 'loud',
      retainFailed: 'long',
      colour: 'red',
    });
    for (const part of [
      /config\.yaml can't be used: listen must be HOST:PORT/,
      /redis\.url ends in something/,
      /redis\.colour isn't a setting/,
      /volumes\.photos\.path must be an absolute path/,
      /volumes\."a b" can't be a name/,
      /destinations\.x\.uri must have no credentials/,
      /destinations\.y\.endpoint must have no credentials/,
      /destinations\.z\.uri is inside of the volume good/,
      /destinations\.w\.accessKeyIdFile names a file that can't be read \(ENOENT\)/,
      /auth\.metrics must be token or open/,
      /limits\.bodyBytes must be a number/,
      /limits\.speed isn't a setting/,
      /logLevel must be trace or/,
      /retainFailed must be a duration/,
      /; colour isn't a setting/,
    ])
      assert.match(said, part);
  });

  it('is refused where it is neither YAML nor JSON, without a word of it', async () => {
    assert.match(await refusal(`a: 1\npassword: "${SECRET}`), /line 2, column/);
    assert.match(await refusal(`password: *${SECRET}`), /alias/);
    assert.match(await refusal('volumes: {}\nvolumes: {}\n'), /line 2, column 1: a setting is there twice/);
    assert.match(await refusal('[]'), /it must be a group of settings/);
    assert.match(await refusal(`--- 1\n--- ${SECRET}`), /second document/);
  });

  it('is refused where it isn’t there', async () => {
    const missing = readServiceConfig(at('missing'), readConfig({}));
    await assert.rejects(missing, { code: 'USAGE', message: /missing isn't there/ });
  });

  it('is as its page in docs shows', async () => {
    const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
    // The secrets of an example aren't on this machine, and nothing else is wrong.
    const said = await refusal(example);
    const problems = said.replace(/^.* can't be used: |\.$/g, '').split('; ');
    assert.equal(problems.length, 4, said);
    for (const problem of problems) assert.match(problem, /File names a file that can't be read \(ENOENT\)/);
  });

  describe('has the environment over it', () => {
    it('setting by setting, and volume by volume', async () => {
      const config = await read(
        { listen: '127.0.0.1:1', redis: 'redis://file', volumes: { a: '/file/a', b: '/file/b' } },
        {
          LONGSHORE_LISTEN: '127.0.0.1:2',
          LONGSHORE_REDIS_URL: 'redis://environment',
          LONGSHORE_VOLUMES: '{"b":"/environment/b","c":"/environment/c"}',
          LONGSHORE_DESTINATIONS: '{"d":"s3://bucket"}',
          LONGSHORE_LOG_LEVEL: 'debug',
        },
      );
      assert.deepEqual(
        [config.listen.port, config.redis, config.logLevel],
        [2, 'redis://environment', 'debug'],
      );
      assert.deepEqual(Object.fromEntries(config.volumes), {
        a: '/file/a',
        b: '/environment/b',
        c: '/environment/c',
      });
      assert.equal(config.destinations.get('d')?.uri, 's3://bucket');
    });

    it('and says which variable is wrong', async () => {
      const said = await refusal(
        { listen: '127.0.0.1:1', volumes: { a: 'relative' } },
        { LONGSHORE_LISTEN: `:${SECRET}`, LONGSHORE_VOLUMES: '{"b":"relative"}' },
      );
      assert.match(said, /LONGSHORE_LISTEN must be HOST:PORT/);
      assert.match(said, /volumes\.a\.path must be/);
      assert.match(said, /LONGSHORE_VOLUMES\.b\.?\w* must be/);
    });
  });

  describe('says how to reach Redis', () => {
    it('with a user, and a password from a file', async () => {
      const { redis } = await read({
        redis: { url: 'redis://host:7000/1', username: 'u', passwordFile: await secretFile('password') },
      });
      assert.deepEqual(redis, { host: 'host', port: 7_000, db: 1, username: 'u', password: SECRET });
    });

    it('over TLS', async () => {
      const { redis } = await read({
        redis: {
          url: 'rediss://[::1]',
          tls: { caFile: tls('ca.pem'), servername: 'redis' },
        },
      });
      const ca = await readFile(tls('ca.pem'), 'utf8');
      assert.deepEqual(redis, { host: '::1', port: 6_379, tls: { ca, servername: 'redis' } });
    });

    it('by Sentinels', async () => {
      const { redis } = await read({
        redis: { sentinels: ['one:26379', 'two:26379'], sentinelName: 'main', database: 3, tls: {} },
      });
      assert.deepEqual(redis, {
        sentinels: [
          { host: 'one', port: 26_379 },
          { host: 'two', port: 26_379 },
        ],
        ...{ name: 'main', db: 3, tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true },
      });
    });

    it('by a socket', async () => {
      assert.deepEqual((await read({ redis: { url: '/run/redis.sock', database: 2 } })).redis, {
        path: '/run/redis.sock',
        db: 2,
      });
    });

    const wrong: [redis: Record<string, unknown>, said: RegExp][] = [
      [{}, /redis must have either a url or sentinels/],
      [{ url: 'redis://h', sentinels: ['a:1'], sentinelName: 'm' }, /either a url or sentinels/],
      [{ sentinels: ['a:1'] }, /redis\.sentinelName is missing/],
      [{ url: 'redis://h', sentinelName: 'm' }, /redis\.sentinels is missing/],
      [
        { url: 'rediss://h', tls: { certFile: tls('ca.pem') } },
        /redis\.tls must have both certFile and keyFile/,
      ],
      [
        { url: 'rediss://h', tls: { caFile: tls('server.key') } },
        /redis\.tls\.caFile must name a file with cert/,
      ],
      [
        { url: 'rediss://h', tls: { certFile: tls('ca.pem'), keyFile: tls('server.key') } },
        /redis\.tls must have a certificate in PEM as certFile, and its own key/,
      ],
      [{ url: '/redis.sock', tls: {} }, /redis\.tls needs a url that begins with rediss/],
      [{ url: 'redis://h', tls: {} }, /redis\.tls needs a url that begins with rediss/],
      [{ url: `redis://u:${SECRET}%zz@h` }, /%25/],
      [{ url: `redis://h?password=${SECRET}`, database: 1 }, /redis\.url must have no parameters/],
      [{ url: 'redis://h', passwordFile: '/dev/null' }, /redis\.passwordFile names a file that is empty/],
      [{ url: `redis://:${SECRET}@h`, passwordFile: '/etc/hostname' }, /can't be given beside a password/],
      [{ url: 'redis://h', password: SECRET }, /redis\.password isn't a setting/],
    ];
    for (const [redis, said] of wrong)
      it(`and is refused with ${JSON.stringify(redis)}`, async () => {
        assert.match(await refusal({ redis }), said);
      });
  });

  describe('says where archives go', () => {
    const credentialsOf = async (settings: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}) =>
      (
        await read({ destinations: { d: { uri: 's3://bucket', ...settings } } }, environment)
      ).destinations.get('d')?.s3?.credentials;
    const KEY = { accessKeyId: 'AKIA', secretAccessKey: SECRET, sessionToken: undefined };

    it('with a key from files', async () => {
      const key = {
        accessKeyIdFile: await secretFile('id', 'AKIA'),
        secretAccessKeyFile: await secretFile('key'),
      };
      assert.deepEqual(await credentialsOf(key), KEY);
    });

    it('with a key from variables', async () => {
      const key = { accessKeyIdEnv: 'THE_ID', secretAccessKeyEnv: 'THE_KEY' };
      assert.deepEqual(await credentialsOf(key, { THE_ID: 'AKIA', THE_KEY: SECRET }), KEY);
    });

    it('with a profile of a shared credentials file', async () => {
      const text = `[default]\naws_access_key_id=OTHER\naws_secret_access_key=OTHER\n\n[ours]\n# ours\naws_access_key_id = AKIA\naws_secret_access_key = ${SECRET}\n`;
      const credentialsFile = await secretFile('credentials', text);
      assert.deepEqual(await credentialsOf({ credentialsFile, profile: 'ours' }), KEY);
      assert.equal((await credentialsOf({ credentialsFile }))?.accessKeyId, 'OTHER');
      const said = await refusal({
        destinations: { d: { uri: 's3://bucket', credentialsFile, profile: 'none' } },
      });
      assert.match(said, /credentialsFile has no aws_access_key_id/);
    });

    it('with what the AWS SDK finds, where nothing is said', async () => {
      assert.equal(await credentialsOf({}), undefined);
    });

    const wrong: [destination: unknown, said: RegExp][] = [
      ['relative', /must be s3:\/\/BUCKET\/PREFIX or an absolute path/],
      ['ftp://host/x', /must be s3:/],
      ['s3://', /must be s3:/],
      [`s3://AKIA:se/${SECRET}@bucket`, /no credentials/],
      [{ uri: '/archives', region: 'r' }, /is a directory/],
      [{ uri: 's3://bucket', accessKeyIdFile: '/etc/hostname' }, /both parts of a key/],
      [{ uri: 's3://bucket', accessKeyIdEnv: 'NOT_SET' }, /NOT_SET, which isn't set/],
      [{ uri: 's3://bucket', profile: 'p' }, /credentialsFile, which is missing/],
      [{ uri: 's3://bucket', secretAccessKey: SECRET }, /secretAccessKey isn't a setting/],
      [{}, /uri is missing/],
      [7, /must be a group of settings/],
    ];
    for (const [destination, said] of wrong)
      it(`and is refused with ${JSON.stringify(destination)}`, async () => {
        assert.match(await refusal({ destinations: { d: destination } }), said);
      });

    it('and is refused where an archive would contain itself, by whatever way', async () => {
      await mkdir(at('volume/inner'), { recursive: true });
      await symlink(at('volume/inner'), at('elsewhere'));
      const volumes = { v: at('volume') };
      for (const path of ['volume', 'volume/new/folder', 'elsewhere', 'elsewhere/new'])
        assert.match(
          await refusal({ volumes, destinations: { d: at(path) } }),
          /d\.uri is inside of the volume v/,
        );
      await read({ volumes, destinations: { d: at('volume-archives') } });
    });
  });

  it('is read or refused, and nothing else, whatever is in it', async () => {
    const keys = fc.constantFrom(
      ...['listen', 'redis', 'volumes', 'destinations', 'auth', 'limits', 'logLevel', 'spool', 'threads'],
      ...['url', 'uri', 'path', 'tls', 'sentinels', 'sentinelName', 'retainFailed', 'endpoint', '__proto__'],
    );
    const texts = fc.oneof(
      fc.string(),
      fc.constantFrom('/srv', 's3://bucket', 'redis://h', 'rediss://u:%@h', 'unix://', 'a:1', '*x', '\0'),
    );
    const { said } = fc.letrec((tie) => ({
      said: fc.oneof(
        { depthSize: 'small' },
        texts,
        fc.integer(),
        fc.constant(null),
        fc.boolean(),
        tie('group'),
        tie('list'),
      ),
      list: fc.array(tie('said'), { maxLength: 3 }),
      group: fc.dictionary(fc.oneof(keys, fc.string()), tie('said'), { maxKeys: 5 }),
    }));
    const isReadOrRefused = async (text: string) => {
      const error = await read(text).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(error === undefined || (error instanceof CliError && error.code === 'USAGE'), String(error));
    };
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          said.map((value) => stringify(value)),
          said.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        isReadOrRefused,
      ),
      { numRuns: 300 },
    );
  });
});
