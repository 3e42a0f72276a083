import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Longshore } from '../../../test/harness/longshore.ts';
import { freePort } from '../../../test/harness/server.ts';
import { htmlServer, silentServer } from '../../../test/harness/strange-servers.ts';
import { Client } from '../src/client/client.ts';
import { CliError } from '../src/error.ts';
import { exitCodeOf } from '../src/exit-codes.ts';

const SECRET = 'hunter2-hunter2';
const tls = (name: string) => readFileSync(new URL(`tls/${name}`, import.meta.url));

/** An HTTPS server whose certificate nobody knows; what it's asked, it answers with a page. */
async function tlsServer(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer({ key: tls('server.key'), cert: tls('server.pem') }, (_, response) =>
    response.end('<html>'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a client', () => {
  /** Every kind of call, of which each has to understand what's wrong. */
  const CALLS: Record<string, (client: Client) => Promise<unknown>> = {
    create: (client) => client.create({ volume: 'v', destination: 'd' }),
    list: (client) => client.list({}),
    get: (client) => client.get('x'),
    act: (client) => client.act('x', 'retry'),
    delete: (client) => client.delete('x'),
    events: (client) => client.events('x', { signal: AbortSignal.timeout(5_000) }),
  };

  async function faults(server: string, signal?: AbortSignal): Promise<CliError[]> {
    const client = new Client({ server: new URL(server), token: SECRET }, signal);
    const errors: CliError[] = [];
    for (const [name, call] of Object.entries(CALLS)) {
      const error: unknown = await call(client).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof CliError, `${name}: ${String(error)}`);
      assert.ok(!error.message.includes(SECRET));
      errors.push(error);
    }
    return errors;
  }

  async function fault(server: string): Promise<CliError> {
    const errors = await faults(server);
    assert.equal(new Set(errors.map(({ code }) => code)).size, 1, errors.map(String).join('\n'));
    return errors[0];
  }

  it('says that nothing listens there, and what to do', async () => {
    const { code, message } = await fault(`http://127.0.0.1:${await freePort()}/`);
    assert.equal(code, 'SERVER_UNREACHABLE');
    assert.match(
      message,
      /127\.0\.0\.1:\d+ can't be reached: nothing listens there: start `longshore serve`/,
    );
  });

  it('says that there is no such host', async () => {
    const { code, message } = await fault('http://nowhere.invalid/');
    assert.equal(code, 'SERVER_UNREACHABLE');
    assert.match(message, /nowhere\.invalid can't be reached: its host name/);
  });

  for (const status of [200, 201, 301, 403, 404, 502])
    it(`says that a web server isn’t a Longshore server, whatever it answers: ${status}`, async () => {
      await using web = await htmlServer(status);
      const error = await fault(`${web.url}/`);
      assert.equal(error.code, 'NOT_A_SERVER');
      assert.equal(exitCodeOf(error), 2);
    });

  it('says that it doesn’t trust a certificate', async () => {
    await using server = await tlsServer();
    const { code, message } = await fault(`https://127.0.0.1:${server.port}/`);
    assert.equal(code, 'SERVER_UNTRUSTED');
    assert.match(
      message,
      /can't be used: its certificate is from an authority that this machine doesn't trust/,
    );
  });

  it('says that TLS isn’t spoken there', async () => {
    await using web = await htmlServer(200);
    const { code, message } = await fault(`${web.url.replace('http:', 'https:')}/`);
    assert.equal(code, 'SERVER_UNTRUSTED');
    assert.match(message, /it doesn't speak TLS there/);
  });

  it('says so where TLS is spoken and nobody said https', async () => {
    await using server = await tlsServer();
    const { code } = await fault(`http://127.0.0.1:${server.port}/`);
    assert.ok(['NOT_A_SERVER', 'SERVER_UNREACHABLE'].includes(code), code);
  });

  it('lets go of a server that is silent, with the reason', async () => {
    await using silent = await silentServer();
    const reason = new CliError('INTERRUPTED', 'Interrupted.');
    const interrupt = new AbortController();
    const asked = new Client({ server: new URL(silent.url), token: undefined }, interrupt.signal).list({});
    interrupt.abort(reason);
    await assert.rejects(asked, reason);
  });

  it('makes one line of it, in every command', async () => {
    const env = { LONGSHORE_SERVER: `http://127.0.0.1:${await freePort()}`, LONGSHORE_TOKEN: SECRET };
    const calls = [
      ['create', 'v', 'd'],
      ['list'],
      ...['status', 'watch', 'cancel', 'links', 'download', 'ls'].map((name) => [name, 'x']),
      ['cat', 'x', 'y'],
    ];
    await Promise.all(
      calls.map(async (args) => {
        const { exitCode, stdout, stderr } = await new Longshore(args, { env }).finished;
        assert.deepEqual([exitCode, stdout], [1, ''], args[0]);
        assert.match(stderr, /^longshore: The server at [^\n]+ nothing listens there[^\n]+\n$/);
      }),
    );
  });
});
