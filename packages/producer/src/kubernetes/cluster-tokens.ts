import { createHash } from 'node:crypto';
import type { V1UserInfo } from '@kubernetes/client-node';
import type { Caller, Role } from '../api/auth/role.ts';
import type { CallerDirectory } from '../api/auth/token-file.ts';
import type { ClusterApi } from './cluster-api.ts';
import { RESOURCE } from './volume-export.ts';

/** What a caller has to be allowed, in all namespaces, to have a role; the first that fits. */
const ROLE_VERBS: readonly [role: Role, verb: string][] = [
  ['operator', 'create'],
  ['viewer', 'list'],
];

/** A right that was taken away is so much longer good; each look costs the API server three requests. */
const REMEMBERED_MS = 30_000;
const MAX_REMEMBERED = 10_000;

/**
 * Callers as Kubernetes knows them: the token is one of the cluster's own, and the role follows from what its user may
 * do with VolumeExports in all namespaces. Who may do so in some alone uses the API server itself.
 */
export class ClusterTokens implements CallerDirectory {
  readonly #api: Pick<ClusterApi, 'authentication' | 'authorization'>;
  readonly #known = new Map<string, { until: number; caller: Caller | undefined }>();

  constructor(api: Pick<ClusterApi, 'authentication' | 'authorization'>) {
    this.#api = api;
  }

  async callerOf(token: string): Promise<Caller | undefined> {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (known && known.until > Date.now()) return known.caller;
    const caller = await this.#look(token);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(digest, { until: Date.now() + REMEMBERED_MS, caller });
    return caller;
  }

  async #look(token: string): Promise<Caller | undefined> {
    const { status } = await this.#api.authentication.createTokenReview({ body: { spec: { token } } });
    if (!status?.authenticated || !status.user?.username) return undefined;
    for (const [role, verb] of ROLE_VERBS)
      if (await this.#mayDo(status.user, verb)) return { name: status.user.username, role };
    return undefined;
  }

  async #mayDo({ username: user, groups, uid, extra }: V1UserInfo, verb: string): Promise<boolean> {
    const { group, plural: resource } = RESOURCE;
    const spec = { user, groups, uid, extra, resourceAttributes: { group, resource, verb } };
    const { status } = await this.#api.authorization.createSubjectAccessReview({ body: { spec } });
    return status?.allowed === true;
  }
}
