import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** A certificate and its key, as paths. */
export interface Identity {
  certificate: string;
  key: string;
}

export interface IdentityOptions {
  /** The user that Kubernetes takes it for. */
  user: string;
  group?: string;
  /** `DNS:…` and `IP:…`: what a server with it may be called. */
  hosts?: readonly string[];
}

/** A cluster lives for minutes, a developer's for a day or two. */
const DAYS = '30';

/** openssl's own configuration would add a certificate authority's extensions to every certificate. */
const CONFIGURATION = '[req]\ndistinguished_name = none\n[none]\n';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** The cluster's certificate authority: who has a certificate of it is who it says. */
export class Authority {
  readonly certificate: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.certificate = join(folder, 'ca.crt');
  }

  static async create(folder: string): Promise<Authority> {
    const authority = new Authority(folder);
    await writeFile(join(folder, 'openssl.cnf'), CONFIGURATION);
    await authority.#request('ca', '/CN=longshore-test', [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign,digitalSignature',
    ]);
    return authority;
  }

  async issue(name: string, { user, group, hosts = [] }: IdentityOptions): Promise<Identity> {
    const subject = `${group ? `/O=${group}` : ''}/CN=${user}`;
    const extensions = [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=clientAuth,serverAuth',
      ...(hosts.length > 0 ? [`subjectAltName=${hosts.join(',')}`] : []),
    ];
    const signer = ['-CA', this.certificate, '-CAkey', join(this.#folder, 'ca.key')];
    return this.#request(name, subject, extensions, signer);
  }

  async #request(
    name: string,
    subject: string,
    extensions: readonly string[],
    signer: readonly string[] = [],
  ): Promise<Identity> {
    const identity = {
      certificate: join(this.#folder, `${name}.crt`),
      key: join(this.#folder, `${name}.key`),
    };
    const files = [
      '-config',
      join(this.#folder, 'openssl.cnf'),
      '-out',
      identity.certificate,
      '-keyout',
      identity.key,
    ];
    const added = extensions.flatMap((extension) => ['-addext', extension]);
    await execa('openssl', [
      'req',
      '-x509',
      ...NEW_KEY,
      ...files,
      '-days',
      DAYS,
      '-subj',
      subject,
      ...added,
      ...signer,
    ]);
    return identity;
  }
}

/** A kubeconfig for an identity. It's JSON, which YAML includes, and holds the keys, so that it can be copied. */
export async function writeKubeconfig(
  path: string,
  options: { server: string; authority: Authority; identity: Identity },
): Promise<string> {
  const { server, authority, identity } = options;
  const base64 = async (file: string) => (await readFile(file)).toString('base64');
  const name = 'longshore-test';
  const configuration = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': await base64(authority.certificate) } },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': await base64(identity.certificate),
          'client-key-data': await base64(identity.key),
        },
      },
    ],
  };
  await writeFile(path, JSON.stringify(configuration, undefined, 2), { mode: 0o600 });
  return path;
}
