import { createHash, createHmac } from 'node:crypto';
import { PREFIX, type RedisAddress } from '@longshore/shared';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { EXPORT_COMMANDS, NEWER_COMMANDS } from './redis-commands.ts';

/** The queue of one export: nobody else's jobs are in it. */
export const queueOf = (id: string) => `export-${id}`;

/** Keys that one look at Redis passes over; it serves nobody else for less than a millisecond. */
const SCAN_COUNT = 1_000;

/** What every key of an export begins with; what its user reaches. */
const rootOf = (id: string) => `${PREFIX}:${queueOf(id)}:`;

const USER = /^export-(x[0-9a-f]{32})$/;

export interface RedisUsersOptions {
  /** May manage users. */
  redis: Redis;
  /** What passwords are derived from; lives as long as the installation. */
  key: string;
  logger: Logger;
}

/**
 * A user in Redis for each export, which reaches that export's queue and nothing else. Its password is derived from the
 * export's id: so whoever has the key can make the user again after Redis has lost it, and nothing is kept elsewhere.
 * An administrator's rights with `-@dangerous` wouldn't do: SCAN, KEYS and RANDOMKEY tell of others' keys.
 */
export class RedisUsers {
  readonly #options: RedisUsersOptions;
  readonly #strangers = new Set<string>();

  constructor(options: RedisUsersOptions) {
    this.#options = options;
  }

  passwordOf(id: string): string {
    return createHmac('sha256', this.#options.key).update(`redis-user\0${id}`).digest('base64url');
  }

  /** Makes the user, or gives it these rights and this password again. */
  async ensure(id: string): Promise<void> {
    await this.#set(id);
    await this.#save();
  }

  /** Takes the user away, and everything in its reach: nothing can write there any more. */
  async remove(id: string): Promise<void> {
    await this.#options.redis.acl('DELUSER', queueOf(id));
    await this.#save();
    await this.#unlinkAll(rootOf(id), () => true);
  }

  /** Takes every job out of an export's queue, with all that BullMQ keeps of it: by its keys, whatever is in them. */
  async emptyQueue(id: string): Promise<void> {
    const own = `${rootOf(id)}longshore:`;
    await this.#unlinkAll(rootOf(id), (key) => !key.startsWith(own));
  }

  /**
   * Makes the users that are missing, and takes those away, with their keys, that no export has had for two looks: an
   * export may be so new that its resource isn't known here yet.
   */
  async assert(live: ReadonlySet<string>): Promise<void> {
    const there = new Set((await this.#users()).flatMap((name) => USER.exec(name)?.[1] ?? []));
    const missing = [...live].filter((id) => !there.has(id));
    const strangers = [...there].filter((id) => !live.has(id));
    const left = strangers.filter((id) => this.#strangers.has(id));
    this.#strangers.clear();
    for (const id of strangers) this.#strangers.add(id);
    for (const id of missing) await this.#set(id);
    for (const id of left) await this.remove(id);
    if (missing.length + left.length === 0) return;
    await this.#save();
    this.#options.logger.info(
      { made: missing.length, removed: left.length },
      "Redis has the exports' users again.",
    );
  }

  async #unlinkAll(root: string, isMeant: (key: string) => boolean): Promise<void> {
    const { redis } = this.#options;
    let cursor = '0';
    do {
      const [next, found] = await redis.scan(cursor, 'MATCH', `${root}*`, 'COUNT', SCAN_COUNT);
      const keys = found.filter(isMeant);
      if (keys.length > 0) await redis.unlink(keys);
      cursor = next;
    } while (cursor !== '0');
  }

  async #users(): Promise<string[]> {
    return (await this.#options.redis.acl('USERS')) as string[];
  }

  async #set(id: string): Promise<void> {
    const queue = queueOf(id);
    const digest = createHash('sha256').update(this.passwordOf(id)).digest('hex');
    const reach = ['resetkeys', `~${PREFIX}:${queue}:*`, 'resetchannels', `&${PREFIX}:${queue}:*`];
    const commands = [...EXPORT_COMMANDS, ...(await this.#newerCommands())];
    const rights = ['-@all', ...commands.map((command) => `+${command}`)];
    await this.#options.redis.acl('SETUSER', queue, 'on', 'resetpass', `#${digest}`, ...reach, ...rights);
  }

  /** What this Redis knows of them; it may have been another before it was restarted. */
  async #newerCommands(): Promise<string[]> {
    const known = await this.#options.redis.call('COMMAND', 'INFO', ...NEWER_COMMANDS);
    return NEWER_COMMANDS.filter((_, at) => Array.isArray(known) && known[at] !== null);
  }

  /** A Redis that keeps its users elsewhere says so, and then they are asserted after each of its restarts. */
  async #save(): Promise<void> {
    await this.#options.redis.acl('SAVE').catch(() => undefined);
  }
}

/** The same Redis, as an export's user. */
export function addressFor(
  address: RedisAddress,
  user: { username: string; password: string },
): RedisAddress {
  if (typeof address !== 'string') return { ...address, ...user };
  const url = URL.parse(address);
  if (!url) return { path: address, ...user };
  url.username = user.username;
  url.password = user.password;
  return url.href;
}

/** As a URL, for a worker's environment. Sentinels have none. */
export function urlOf(address: RedisAddress): string {
  if (typeof address === 'string') return address;
  const { host = '127.0.0.1', port = 6_379, username = '', password = '', db, tls } = address;
  const user = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  return `${tls ? 'rediss' : 'redis'}://${user}@${host}:${port}${db ? `/${db}` : ''}`;
}
