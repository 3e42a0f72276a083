import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const START_MS = 15_000;
const ASK_AGAIN_MS = 20;

export interface ServerProgram {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Connects and asks; false or a rejection means "not yet". */
  isReady: () => Promise<boolean>;
}

/**
 * A server's process, started, killed and started again with the same arguments. It never outlives this
 * process: whatever is still running at its exit is killed.
 */
export class ServerProcess {
  readonly #program: ServerProgram;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(program: ServerProgram) {
    this.#program = program;
  }

  /** Resolves when the server answers. Rejects with its output when it exits, or doesn't answer within 15 s. */
  async start(): Promise<void> {
    const { command, args, env, cwd } = this.#program;
    this.#output = '';
    const child = spawn(command, args, {
      cwd,
      env: { PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', (error) => this.#keep(String(error)));
    child.stdout.on('data', (text) => this.#keep(String(text)));
    child.stderr.on('data', (text) => this.#keep(String(text)));
    await this.#answer(child);
  }

  async #answer(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!(await this.#program.isReady().catch(() => false))) {
      if (child.pid === undefined || hasEnded(child))
        throw new Error(`${this.#program.command} ended: ${this.#output}`);
      if (Date.now() > deadline) {
        await this.kill();
        throw new Error(`${this.#program.command} didn't answer: ${this.#output}`);
      }
      await setTimeout(ASK_AGAIN_MS);
    }
  }

  /** As a crash or a lost node does it: SIGKILL, and nothing is written any more. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Lets the server finish what it is doing. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Stops the process in its tracks: connections stay open, and no answer comes. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.pid === undefined || hasEnded(child)) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT');
    await exit;
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-4_000);
  }
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * A port, of the loopback interface where nothing else is said, that nothing listens on. It's taken from below the range that outgoing
 * connections get theirs from, so that it is still free when a killed server starts again.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port, address)) return port;
  }
  throw new Error('a hundred ports between 20000 and 32000 were all taken');
}

async function isFree(port: number, address: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, address);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
