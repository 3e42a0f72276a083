import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { kill } from '../../../scripts/processes.ts';

/**
 * The namespaces that make a machine. Its mounts, links, addresses, routes, iptables rules and processes are all in
 * them, so that they go with its first process, whatever way that ends.
 */
const NAMESPACES = ['--mount', '--net', '--pid', '--uts', '--ipc'] as const;

/** Folders below the machine's own, where what is written to these paths goes: programs have them built in. */
const OVERLAID = { '/var/lib': 'var-lib', '/var/log': 'var-log' } as const;

/**
 * Arguments: the machine's folder, its name, its first process. kubelet wants shared mounts; here they are shared
 * among the machine's own processes. /run is empty, as after any boot. A killed program's connection to another machine
 * that is gone too would keep the network namespace for a minute or two (tcp_orphan_retries, ip-sysctl.rst).
 */
const BOOT = `
  mount --make-rshared /
  mount -t tmpfs -o mode=755 run /run
  ${Object.entries(OVERLAID)
    .map(
      ([path, name]) =>
        `mount -t overlay -o lowerdir=${path},upperdir=$1/${name},workdir=$1/${name}.work overlay ${path}`,
    )
    .join('\n  ')}
  hostname "$2"
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries
  echo booted
  exec "$3"
`;

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

export interface MachineOptions {
  name: string;
  /** Its disk: configuration, logs and what its programs keep over a restart. */
  folder: string;
  /** The path of the program that is its first process. */
  init: string;
}

/**
 * Something like a computer: processes in namespaces of their own, with this machine's programs and files. When the
 * process that booted it dies, even by SIGKILL, the kernel kills the machine (PR_SET_PDEATHSIG), and with it
 * everything that it ran.
 */
export class Machine {
  readonly name: string;
  readonly folder: string;
  readonly #init: string;
  #power: ChildProcess | undefined;
  #pid = 0;
  #programs: { name: string; process: ChildProcess }[] = [];

  constructor(options: MachineOptions) {
    this.name = options.name;
    this.folder = options.folder;
    this.#init = options.init;
    const disks = Object.values(OVERLAID).flatMap((name) => [name, `${name}.work`]);
    for (const each of [...disks, 'tmp']) mkdirSync(join(this.folder, each), { recursive: true });
  }

  /** Its first process, as this process sees it. */
  get pid(): number {
    if (!this.#power) throw new Error(`${this.name} is off`);
    return this.#pid;
  }

  async boot(): Promise<void> {
    const unshare = [
      'unshare',
      ...NAMESPACES,
      '--propagation',
      'private',
      '--mount-proc',
      '--fork',
      '--kill-child',
    ];
    const boot = ['sh', '-ec', BOOT, 'boot', this.folder, this.name, this.#init];
    const power = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare, ...boot], {
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said: string[] = [];
    power.stderr.on('data', (text) => said.push(String(text)));
    const booted = once(power.stdout, 'data').then(() => true);
    if (!(await Promise.race([booted, once(power, 'close').then(() => false)])))
      throw new Error(`${this.name} didn't boot: ${said.join('').trim()}`);
    this.#power = power;
    this.#pid = Number(readFileSync(`/proc/${power.pid}/task/${power.pid}/children`, 'utf8'));
  }

  /** As a power cut does it: everything that it runs is killed at the same moment, and its network is gone. */
  async cutPower(): Promise<void> {
    const power = this.#power;
    if (!power) return;
    this.#power = undefined;
    this.#programs = [];
    if (hasEnded(power)) return;
    const off = once(power, 'exit');
    // Its first process, not `unshare`: that one waits for it, and it ends after all others in its namespace.
    kill(this.#pid, 'SIGKILL');
    await off;
  }

  /** Runs a program on it, and gives what it says. */
  async run(command: string, args: readonly string[]): Promise<string> {
    const { stdout } = await execa('nsenter', this.#entering(command, args), { env: this.#environment() });
    return stdout;
  }

  /** The same in its network alone: paths, and pids that `ip` is given, are this machine's. */
  async network(...args: string[]): Promise<void> {
    await execa('nsenter', ['--target', String(this.pid), '--net', '--', 'ip', ...args]);
  }

  /** Starts a program that runs as long as the machine, with its log in the machine's folder. */
  start(command: string, args: readonly string[]): void {
    const name = command.slice(command.lastIndexOf('/') + 1);
    const log = openSync(this.#logOf(name), 'a');
    const child = spawn('nsenter', this.#entering(command, args), {
      env: this.#environment(),
      cwd: this.folder,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#programs.push({ name, process: child });
  }

  /** Throws if a program that was started has ended, with the end of its log. */
  check(): void {
    const ended = this.#programs.find(({ process }) => hasEnded(process));
    if (!ended) return;
    const log = readFileSync(this.#logOf(ended.name), 'utf8').trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${ended.name} on ${this.name} has ended:\n${log}`);
  }

  /** A path on this machine's own file systems, as this process can open it. */
  path(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  async makeFolder(name: string): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(path, { recursive: true });
    return path;
  }

  #entering(command: string, args: readonly string[]): string[] {
    return ['--target', String(this.pid), ...NAMESPACES, '--', command, ...args];
  }

  #environment() {
    return { ...ENVIRONMENT, HOME: this.folder, TMPDIR: join(this.folder, 'tmp') };
  }

  #logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
