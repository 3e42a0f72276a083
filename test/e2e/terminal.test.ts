import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { directoryDestination } from '../harness/destination.ts';
import { largeVolume } from '../harness/large-volume.ts';
import { processesLeft } from '../harness/processes-of.ts';
import { tempFolder } from '../harness/temp.ts';

const MAIN = fileURLToPath(new URL('../../packages/cli/bin/longshore.js', import.meta.url));
const CTRL_C = '\x03';
const SOON_MS = 5_000;

/** A `longshore` on a terminal of its own, which script(1) makes: what is written to it are keys. */
class OnTerminal implements Disposable {
  readonly #script: ChildProcess;
  #shown = '';

  constructor(args: readonly string[], env: Record<string, string>) {
    const words = [process.execPath, MAIN, ...args].map((word) => `'${word}'`);
    // A terminal that is made by nobody's terminal has no size, and nothing is drawn on it.
    const command = `stty rows 24 columns 100 && exec ${words.join(' ')}`;
    this.#script = spawn('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#script.stdout?.on('data', (text) => {
      this.#shown += text;
    });
  }

  get shown(): string {
    return this.#shown;
  }

  async shows(text: string): Promise<void> {
    while (!this.#shown.includes(text)) await once(this.#script.stdout!, 'data');
  }

  press(key: string): void {
    this.#script.stdin?.write(key);
  }

  async exitCode(): Promise<number> {
    const [code] = await once(this.#script, 'exit');
    return code;
  }

  [Symbol.dispose](): void {
    this.#script.kill('SIGKILL');
  }
}

describe('on a terminal', function () {
  this.timeout(300_000);

  it('an export shows a bar, and Ctrl-C interrupts it: nothing is left', async () => {
    await using volume = await largeVolume();
    await using destination = await directoryDestination();
    await using temp = await tempFolder('terminal');
    const args = ['export', volume.path, '--to', destination.uri, '--name', 'archive'];
    using terminal = new OnTerminal(args, { TMPDIR: temp.path });
    await terminal.shows('━━');
    const pressed = performance.now();
    terminal.press(CTRL_C);
    assert.equal(await terminal.exitCode(), 130, terminal.shown);
    const elapsed = performance.now() - pressed;
    assert.ok(elapsed < SOON_MS, `it took ${Math.round(elapsed)} ms`);
    assert.match(terminal.shown, /longshore: Interrupted by SIGINT/);
    assert.deepEqual(await destination.contents(), []);
    assert.deepEqual(await processesLeft(temp.path, 0), []);
    assert.deepEqual(await readdir(temp.path), []);
  });

  it('a command that fails before there is any progress says why, and ends', async () => {
    await using temp = await tempFolder('terminal');
    using terminal = new OnTerminal(['verify', `${temp.path}/missing.tar.zst`], { TMPDIR: temp.path });
    assert.equal(await terminal.exitCode(), 2, terminal.shown);
    assert.match(terminal.shown, /longshore: [^\n]*missing\.tar\.zst/);
    assert.deepEqual(await readdir(temp.path), []);
  });
});
