import assert from 'node:assert/strict';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tempFolder } from '../../../test/harness/temp.ts';
import { assertFault, bodyOf, textOf } from '../src/contract/material.ts';
import { openStore } from '../src/index.ts';

describe('openStore', () => {
  it('takes a path, absolute or relative, or a file URL', async () => {
    await using temp = await tempFolder();
    const path = join(temp.path, 'archives');
    for (const uri of [path, relative(process.cwd(), path), String(pathToFileURL(path))]) {
      await using store = await openStore(uri);
      await store.put('key', bodyOf(uri));
      assert.equal(await textOf(store, 'key'), uri);
      assert.equal(store.uri, uri.startsWith('file:') ? path : uri);
    }
  });

  it('takes a bucket and a prefix', async () => {
    const s3 = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1' };
    for (const [given, shown] of [
      ['s3://bucket', 's3://bucket'],
      ['s3://bucket/', 's3://bucket'],
      ['s3://bucket.name/a/b c/', 's3://bucket.name/a/b c'],
    ]) {
      await using store = await openStore(given, { s3 });
      assert.equal(store.uri, shown);
    }
  });

  it('refuses addresses that make no sense, without showing a secret', async () => {
    for (const uri of [
      '',
      's3://',
      's3:///prefix',
      'gs://bucket',
      'https://host/bucket',
      's3://KEY:HUSH@bucket/prefix',
      'file://host/path',
    ]) {
      await assertFault(openStore(uri), 'BAD_DESTINATION');
      await assert.rejects(openStore(uri), ({ message }: Error) => !message.includes('HUSH'));
    }
  });

  it('refuses endpoints that make no sense', async () => {
    for (const endpoint of ['host:9000', 'ftp://host', '', 'https://KEY:HUSH@host']) {
      await assertFault(openStore('s3://bucket', { s3: { endpoint } }), 'BAD_DESTINATION');
    }
  });
});
