import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';

export interface Answer {
  status: number;
  body: unknown;
}

/** A ServiceAccount that calls the API. */
export class ApiCaller {
  readonly #account: Applied;

  /** Makes the account; `verbs` are what it may do with VolumeExports, `create,list`, of all namespaces. */
  static async make(account: Applied, verbs = ''): Promise<ApiCaller> {
    const { cluster } = installation();
    const { name, namespace } = account;
    await cluster.kubectl('create', 'serviceaccount', name, `--namespace=${namespace}`);
    if (!verbs) return new ApiCaller(account);
    const role = `test-${namespace}-${name}`;
    const resource = '--resource=volumeexports.longshore.dev';
    await cluster.kubectl('create', 'clusterrole', role, `--verb=${verbs}`, resource);
    const subject = `--serviceaccount=${namespace}:${name}`;
    await cluster.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, subject);
    return new ApiCaller(account);
  }

  private constructor(account: Applied) {
    this.#account = account;
  }

  /** A new token of the account's. */
  token(): Promise<string> {
    const { name, namespace } = this.#account;
    return installation().cluster.kubectl('create', 'token', name, `--namespace=${namespace}`);
  }

  /** From a producer's own pod, which has the port. */
  async ask(method: string, path: string, body?: object): Promise<Answer> {
    const { cluster } = installation();
    const token = await this.token();
    const request = { method, path, body: body && JSON.stringify(body), token };
    const script = `const { method, path, body, token } = JSON.parse(process.argv[1]);
      const headers = { authorization: 'Bearer ' + token, ...(body && { 'content-type': 'application/json' }) };
      const answer = await fetch('http://127.0.0.1:8080' + path, { method, body, headers });
      console.log(JSON.stringify({ status: answer.status, body: await answer.json().catch(() => undefined) }));`;
    const node = ['node', '--input-type=module', '--eval', script, JSON.stringify(request)];
    return JSON.parse(
      await cluster.kubectl('exec', '--namespace=longshore', 'deploy/longshore-producer', '--', ...node),
    );
  }
}
