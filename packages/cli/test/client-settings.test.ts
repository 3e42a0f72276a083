import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { clientSettings, type ServerOptions } from '../src/client/settings.ts';
import { readConfig } from '../src/config.ts';
import { CliError } from '../src/error.ts';

const SECRET = 'hunter2-hunter2';

describe('which server is asked, and with which token', () => {
  let temp: TempFolder;
  const at = (name: string) => join(temp.path, name);

  beforeEach(async () => {
    temp = await tempFolder('client-settings');
    await mkdir(at('longshore'));
    await writeFile(at('token'), 'from-option-file\n');
    await writeFile(at('other-token'), 'from-environment-file');
    await writeFile(at('own-token'), 'from-own-file\n');
  });
  afterEach(() => temp[Symbol.asyncDispose]());

  async function settings(options: ServerOptions, environment: Record<string, string> = {}) {
    const { client } = readConfig({ XDG_CONFIG_HOME: temp.path, ...environment });
    const { server, token } = await clientSettings(options, client);
    return [server.href, token];
  }

  const own = (text: string) => writeFile(at('longshore/client.yaml'), text);

  async function refused(options: ServerOptions, environment?: Record<string, string>): Promise<string> {
    const error: unknown = await settings(options, environment).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof CliError && error.code === 'USAGE', String(error));
    assert.ok(!error.message.includes('hunter2'), error.message);
    return error.message;
  }

  it('is this machine’s, with none, where nothing is said', async () => {
    assert.deepEqual(await settings({}), ['http://127.0.0.1:8080/', undefined]);
  });

  it('goes by options, then by the environment, then by the user’s own file', async () => {
    await own(`server: https://own.example/longshore\ntokenFile: ${at('own-token')}\n`);
    assert.deepEqual(await settings({}), ['https://own.example/longshore/', 'from-own-file']);
    const environment = { LONGSHORE_SERVER: 'https://env.example', LONGSHORE_TOKEN_FILE: at('other-token') };
    assert.deepEqual(await settings({}, environment), ['https://env.example/', 'from-environment-file']);
    assert.deepEqual(await settings({}, { ...environment, LONGSHORE_TOKEN: 'from-environment' }), [
      'https://env.example/',
      'from-environment',
    ]);
    const options = { server: 'http://option.example:1', tokenFile: at('token') };
    assert.deepEqual(await settings(options, { ...environment, LONGSHORE_TOKEN: 'x' }), [
      'http://option.example:1/',
      'from-option-file',
    ]);
    assert.deepEqual((await settings({ ...options, token: 'from-option' }))[1], 'from-option');
  });

  it('never sends the token of the user’s own server to another', async () => {
    await own(`server: https://own.example\ntokenFile: ${at('own-token')}\n`);
    assert.deepEqual((await settings({ server: 'https://other.example' }))[1], undefined);
    assert.deepEqual((await settings({ server: 'https://own.example' }))[1], 'from-own-file');
    await own(`tokenFile: ${at('own-token')}\n`);
    assert.deepEqual((await settings({ server: 'https://other.example' }))[1], 'from-own-file');
  });

  it('is refused in one sentence, without the secret in it', async () => {
    for (const server of ['', 'localhost:8080', 'ftp://host', 'http://', `ftp://me:${SECRET}@host`])
      assert.match(await refused({ server }), /isn't a server's address: give http/);
    assert.match(await refused({ server: `https://me:${SECRET}@host` }), /no user or password/);
    assert.match(await refused({ server: `https://host?token=${SECRET}` }), /no \? or #/);
    assert.match(await refused({ token: `two ${SECRET}` }), /The token isn't one/);
    assert.match(await refused({ tokenFile: at('nowhere') }), /nowhere can't be read \(ENOENT\)/);
    await writeFile(at('token'), `${SECRET}\n${SECRET}\n`);
    assert.match(await refused({ tokenFile: at('token') }), /The token in .*token isn't one/);
    await own(`servr: x\ntokenFile: relative\ntoken: ${SECRET}\n`);
    const said = await refused({});
    for (const part of [
      /client\.yaml can't be used/,
      /servr isn't/,
      /tokenFile must be/,
      /; token isn't a setting/,
    ])
      assert.match(said, part);
  });
});
