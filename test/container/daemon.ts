import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, glob, mkdir, rm, rmdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { descendants, kill } from '../../scripts/processes.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { builtTool } from '../harness/tools.ts';
import { newCgroup, removeCgroups, removeDeadCgroups } from './cgroups.ts';

/** Another checkout's run may have the images: one daemon at a time can. */
const TURN_SECONDS = 600;
const START_MS = 30_000;
const STOP_MS = 20_000;
const ASK_AGAIN_MS = 50;

/** `machine`: of this machine, for builds that fetch packages; nothing is changed in it. `own`: a new one, empty. */
export type Network = 'machine' | 'own';

const OF_NETWORK: Record<Network, { unshare: string[]; dockerd: string[] }> = {
  machine: { unshare: [], dockerd: ['--bridge=none', '--iptables=false'] },
  own: { unshare: ['--net'], dockerd: [] },
};

// Debian's package has both, and they fit; another client on PATH may want plugins that aren't there.
const DOCKER = '/usr/bin/docker';

export interface DaemonOptions {
  /** Where it keeps images and containers: the cache folder's own place, in which they stay, or a test's. */
  data?: string;
  /** A command that runs it with fewer rights: `['setpriv', …]`. */
  prefix?: readonly string[];
}

export interface RunOptions {
  input?: string;
  cwd?: string;
  env?: Record<string, string>;
}

/**
 * A Docker daemon of the tests' own. It and all its containers live in namespaces that end with it, however it ends:
 * processes, mounts, and with `own` also bridges and firewall rules. Its images stay in the cache folder.
 */
export class Daemon implements AsyncDisposable {
  /** Name of the control group of its containers. */
  readonly cgroup: string;
  readonly #child: ChildProcess;
  readonly #temp: TempFolder;
  #output = '';

  /** Rejects with dockerd's own words where it can't run. */
  static async start(network: Network, options: DaemonOptions = {}): Promise<Daemon> {
    if (process.getuid?.() !== 0)
      throw new Error('These tests start dockerd, which takes root: run them as root.');
    const temp = await tempFolder(`docker-${process.pid}`);
    const daemon = new Daemon(temp, network, { data: await dataRoot(), ...options });
    try {
      await daemon.#prepareClient();
      await daemon.#answer();
      await daemon.#clear();
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    temp: TempFolder,
    network: Network,
    { data, prefix = [] }: DaemonOptions & { data: string },
  ) {
    this.#temp = temp;
    this.cgroup = newCgroup();
    const dockerd = [
      ...['dockerd', '--host', this.#socket, '--data-root', data],
      ...['--exec-root', join(temp.path, 'exec'), '--pidfile', join(temp.path, 'pid')],
      '--log-level=warn',
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${this.cgroup}`],
      ...OF_NETWORK[network].dockerd,
    ];
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
    // Also if this process is killed, nothing of it stays.
    const bound = [
      '--pdeathsig',
      'KILL',
      'flock',
      '--no-fork',
      '--timeout',
      `${TURN_SECONDS}`,
      `${data}.lock`,
    ];
    const isolated = [
      'unshare',
      ...OF_NETWORK[network].unshare,
      ...namespaces,
      '--',
      'sh',
      '-ec',
      PREPARE,
      'sh',
    ];
    const [command, ...args] = [...prefix, 'setpriv', ...bound, ...isolated, ...dockerd];
    this.#child = spawn(command, args, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text) => {
        this.#output = (this.#output + text).slice(-4_000);
      });
  }

  get #socket(): string {
    return `unix://${join(this.#temp.path, 'docker.sock')}`;
  }

  /** Runs `docker` to its end, and gives its standard output. Rejects with what it said. */
  async docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { stdout } = await this.#run(DOCKER, args, options);
    return stdout;
  }

  /** A pipeline of the shell's, in which `docker` is this daemon's. */
  async shell(script: string, options: RunOptions = {}): Promise<string> {
    const { stdout } = await this.#run('bash', ['-o', 'pipefail', '-c', script], options);
    return stdout;
  }

  /** Runs a program in the daemon's network, where 127.0.0.1 is what ports are published on. */
  async inNetwork(args: readonly string[]): Promise<string> {
    const { stdout } = await this.#run(
      'nsenter',
      ['--target', String(this.#pid), '--net', '--', ...args],
      {},
    );
    return stdout;
  }

  #run(program: string, args: readonly string[], { input, cwd, env }: RunOptions) {
    const variables = {
      DOCKER_HOST: this.#socket,
      DOCKER_CONFIG: this.#config,
      DOCKER_BUILDKIT: '1',
      ...env,
    };
    return execa(program, args, { cwd, env: variables, ...(input === undefined ? {} : { input }) });
  }

  get #config(): string {
    return join(this.#temp.path, 'client');
  }

  /** The daemon, as this machine's process. */
  get #pid(): number {
    const [daemon] = descendants(this.#child.pid ?? 0);
    if (!daemon) throw new Error(`dockerd doesn't run: ${this.#output}`);
    return daemon.pid;
  }

  async #prepareClient(): Promise<void> {
    const plugins = join(this.#config, 'cli-plugins');
    await mkdir(plugins, { recursive: true });
    await symlink(await builtTool('docker-compose'), join(plugins, 'docker-compose'));
  }

  async #answer(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await this.#answers())) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || performance.now() > deadline)
        throw new Error(`dockerd can't run on this machine. It said:\n${this.#output.trim()}`);
      await delay(ASK_AGAIN_MS);
    }
  }

  async #answers(): Promise<boolean> {
    if (!(await isThere(join(this.#temp.path, 'docker.sock')))) return false;
    const { failed } = await execa(DOCKER, ['--host', this.#socket, 'version'], { reject: false });
    return !failed;
  }

  /** As when the tests' own process is killed. */
  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  /** What a killed run left. */
  async #clear(): Promise<void> {
    await removeDeadCgroups();
    await removeDeadFolders();
    const containers = (await this.docker(['ps', '--all', '--quiet'])).split('\n').filter(Boolean);
    if (containers.length > 0) await this.docker(['rm', '--force', '--volumes', ...containers]);
    for (const kind of ['volume', 'network', 'image']) await this.docker([kind, 'prune', '--force']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await removeCgroups(this.cgroup);
    // Made to be mounted on; a Docker of the machine's own has something in it, and stays.
    await rmdir('/etc/docker').catch(() => undefined);
    await this.#temp[Symbol.asyncDispose]();
  }

  /** Its bridges, firewall rules and mounts end with the namespaces, which end with it. */
  async #end(): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    for (const { pid } of descendants(child.pid).slice(0, 1)) kill(pid, 'SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exit;
    clearTimeout(patience);
  }
}

/**
 * Inside of the namespaces: mounts don't reach the machine, and what dockerd and containerd leave in /run and in
 * /etc/docker goes with them. The file that names DNS servers is often a link into /run.
 */
const PREPARE = `
mount --make-rprivate /
servers=$(cat /etc/resolv.conf)
where=$(readlink -f /etc/resolv.conf)
mount -t tmpfs tmpfs /run
mkdir -p /etc/docker
mount -t tmpfs tmpfs /etc/docker
case $where in /run/*) mkdir -p "$(dirname "$where")" && printf '%s\\n' "$servers" >"$where" ;; esac
ip link set lo up
exec "$@"
`;

async function dataRoot(): Promise<string> {
  const cache = dirname(dirname(await builtTool('docker-compose')));
  const path = join(cache, 'container-images-1');
  await mkdir(path, { recursive: true });
  return path;
}

async function removeDeadFolders(): Promise<void> {
  for await (const folder of glob(join(tmpdir(), 'longshore-docker-*')))
    if (!(await isThere(`/proc/${/-docker-(\d+)-/.exec(folder)?.[1]}`)))
      await rm(folder, { recursive: true, force: true });
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
