import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AddressGuard } from '../src/kubernetes/address-guard.ts';
import { SCRIPT_COMMANDS } from '../src/kubernetes/redis-commands.ts';
import { addressFor, urlOf } from '../src/kubernetes/redis-users.ts';

describe("what an export's user may do in Redis", () => {
  /** `rcall` is what bundled scripts call `redis.call`. */
  const CALL = /(?:rcall|redis\.p?call)\(\s*["']([A-Za-z]+)["']/g;

  it("is what BullMQ's scripts call", () => {
    const folder = join(dirname(fileURLToPath(import.meta.resolve('bullmq'))), '../cjs/scripts');
    const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
    const called = scripts.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(CALL)]);
    const names = new Set(called.map(([, name]) => name.toLowerCase()));
    assert.deepEqual([...SCRIPT_COMMANDS].sort(), [...names].sort());
  });
});

describe('addresses that the producer contacts', () => {
  const guard = new AddressGuard({
    cluster: ['10.96.0.0/12', 'fd00::/64'],
    allowed: ['10.96.1.2', '192.168.0.0/16'],
  });

  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '0.0.0.0',
    '10.100.0.1',
    '::1',
    'fe80::1',
    'fd00::5',
    '::ffff:127.0.0.1',
    '::ffff:10.100.0.1',
  ])
    it(`are not ${address}`, () => assert.equal(guard.mayContact(address), false));

  for (const address of ['10.96.1.2', '192.168.3.4', '52.1.2.3', '2600::1'])
    it(`may be ${address}`, () => assert.equal(guard.mayContact(address), true));

  it('are looked at before a connection, after DNS', async () => {
    const { promise, resolve } = Promise.withResolvers<Error | null>();
    guard.lookup('localhost', {}, (error) => resolve(error));
    assert.match(String(await promise), /localhost .* is in a network that the producer doesn't contact/);
  });

  it('are looked at where the endpoint is an address itself', () => {
    assert.throws(() => guard.expect('http://[::1]:9000'), /doesn't contact/);
    assert.throws(() => guard.expect('http://127.0.0.1:9000'), /doesn't contact/);
    // Other ways to write 127.0.0.1 (WHATWG URL, "IPv4 parser").
    assert.throws(() => guard.expect('http://2130706433/'), /doesn't contact/);
    guard.expect('http://s3.example.com');
  });
});

describe("a Redis as an export's user", () => {
  const user = { username: 'export-x1', password: 'p' };

  it('has the same address', () => {
    assert.equal(addressFor('redis://:secret@queue:6380/1', user), 'redis://export-x1:p@queue:6380/1');
    assert.equal(
      urlOf(addressFor({ host: 'queue', port: 6_380, password: 'secret' }, user)),
      'redis://export-x1:p@queue:6380',
    );
  });
});
