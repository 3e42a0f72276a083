import assert from 'node:assert/strict';
import { installation } from './fixture.ts';

interface Role {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

const PRODUCER = 'system:serviceaccount:longshore:longshore-producer';

// The last file of the suite: by now everything has been done that there are rights for.
describe("the producer's roles", function () {
  this.timeout(300_000);

  it('allow what the producer did in these tests, and nothing else', async () => {
    const { cluster } = installation();
    const roles = [
      await cluster.json<Role>('get', 'clusterrole', 'longshore-producer'),
      await cluster.json<Role>('get', 'role', 'longshore-producer', '--namespace=longshore'),
    ];
    const allowed = roles.flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        verbs.flatMap((verb) =>
          resources.flatMap((resource) => apiGroups.map((group) => `${verb} ${group}/${resource}`)),
        ),
      ),
    );
    const log = await cluster.auditLog();
    const used = log
      .filter(({ user, objectRef }) => user.username === PRODUCER && objectRef?.resource)
      .map(({ verb, objectRef: { apiGroup = '', resource, subresource } = {} }) =>
        [`${verb} ${apiGroup}/${resource}`, subresource].filter(Boolean).join('/'),
      );
    assert.deepEqual([...new Set(used)].sort(), [...new Set(allowed)].sort());
  });
});
