import { execa } from 'execa';
import { builtTool } from '../../harness/tools.ts';

/** A Kubernetes object as the API takes it. */
export type Manifest = Record<string, unknown>;

/** kubectl with the cluster's kubeconfig and no configuration of the user's own. */
export class Kubectl {
  readonly path: string;
  readonly kubeconfig: string;

  private constructor(path: string, kubeconfig: string) {
    this.path = path;
    this.kubeconfig = kubeconfig;
  }

  static async with(kubeconfig: string): Promise<Kubectl> {
    return new Kubectl(await builtTool('kubectl'), kubeconfig);
  }

  /** Gives what it says; rejects with what it complains about when it fails. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await execa(this.path, ['--kubeconfig', this.kubeconfig, ...args], {
      stdin: 'ignore',
    });
    return stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(...args, '--output=json'));
  }

  /** Applies objects, or the YAML of a file, on the server's side: so it needs no annotation for what was applied. */
  async apply(...manifests: readonly (Manifest | string)[]): Promise<void> {
    const documents = manifests.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    const args = ['--kubeconfig', this.kubeconfig, 'apply', '--server-side', '--filename=-'];
    await execa(this.path, args, { input: documents.join('\n---\n') });
  }
}
