import { randomBytes } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import { ProducerError } from '../error.ts';
import { type ClusterApi, ifThere, isConflict } from './cluster-api.ts';

/** What an installation has to itself. */
export interface InstallationKeys {
  /** Of the Redis that comes with the manifests, for its user `default`. */
  redisPassword: string;
  /** What the passwords of exports' users are derived from. */
  workerKey: string;
}

const newKey = () => randomBytes(32).toString('base64url');

/** The keys in a Secret, which is made with new ones where it isn't there: of two producers, one makes it. */
export async function installationKeys(
  { namespace, name }: { namespace: string; name: string },
  { core }: Pick<ClusterApi, 'core'>,
): Promise<InstallationKeys> {
  const read = () => ifThere(core.readNamespacedSecret({ namespace, name }));
  const known = await read();
  if (known) return keysOf(known);
  const stringData = { 'redis-password': newKey(), 'worker-key': newKey() };
  const labels = { 'app.kubernetes.io/name': 'longshore', 'app.kubernetes.io/component': 'keys' };
  try {
    await core.createNamespacedSecret({ namespace, body: { metadata: { name, labels }, stringData } });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
  const made = await read();
  if (made) return keysOf(made);
  throw new ProducerError(
    'SECRET_MISSING',
    `The Secret ${namespace}/${name} was deleted as soon as it was made.`,
  );
}

function keysOf({ data = {}, metadata }: V1Secret): InstallationKeys {
  const text = (key: string) => {
    const value = Buffer.from(data[key] ?? '', 'base64').toString();
    if (value) return value;
    const message = `The Secret ${metadata?.namespace}/${metadata?.name} lacks ${key}: delete it, and it's made anew.`;
    throw new ProducerError('SECRET_MISSING', message);
  };
  return { redisPassword: text('redis-password'), workerKey: text('worker-key') };
}
