import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ExportStatus } from '@longshore/shared';
import { root } from '../../scripts/config.ts';
import { descendants, processes } from '../../scripts/processes.ts';
import { tempFolder } from '../harness/temp.ts';

describe('npm start', function () {
  this.timeout(300_000);

  it('runs a service that exports, until it’s interrupted, and leaves nothing', async () => {
    await using temp = await tempFolder('npm-start');
    const child = spawn(process.execPath, [join(root, 'scripts/start.ts')], {
      env: { ...process.env, TMPDIR: temp.path },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    let said = '';
    for await (const line of createInterface({ input: child.stdout })) {
      said += `${line}\n`;
      if (!line.startsWith('Ctrl-C')) continue;
      const url = /API +(http:\S+)\/v1\/exports/.exec(said)?.[1];
      const created = await fetch(`${url}/v1/exports`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ volume: 'packages', destination: 'archive' }),
      });
      const { id } = ExportStatus.parse(await created.json());
      // The stream ends when the export has.
      await (await fetch(`${url}/v1/exports/${id}/events`)).text();
      const archive = await fetch(`${url}/v1/exports/${id}/archive`, { method: 'HEAD' });
      assert.ok(Number(archive.headers.get('content-length')) > 1e6);
      assert.ok(descendants(child.pid ?? 0).length >= 6);
      child.kill('SIGINT');
    }
    const [code] = await exit;
    assert.equal(code, 0, said);
    assert.deepEqual(
      processes().filter(({ command }) => command.includes(temp.path)),
      [],
    );
    assert.deepEqual(await readdir(temp.path), []);
  });
});
