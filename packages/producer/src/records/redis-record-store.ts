import { createHash } from 'node:crypto';
import { PHASES, type Phase, PREFIX } from '@longshore/shared';
import type { ChainableCommander, Redis } from 'ioredis';
import { ProducerError } from '../error.ts';
import { ExportRecord } from './record.ts';
import type { Idempotency, RecordPage, RecordQuery, RecordStore } from './record-store.ts';

/** How long an idempotency key is remembered. */
const IDEMPOTENCY_MS = 24 * 3_600_000;

/**
 * Redis keys of export records, all below one root:
 *
 *     record:ID             hash: revision, phase, json
 *     index:all             sorted set of CREATED/ID, every score 0, so that it is in order of CREATED
 *     index:phase:PHASE     the same, of the records in one phase
 *     index:volume:VOLUME   the same, of one volume
 *     due                   sorted set of ids; the score is when to look again
 *     names:DESTINATION     hash: archive name → id of the record that has it
 *     idempotency:DIGEST    id and digest of the request that came with this key, for a day
 */
function keysBelow(root: string) {
  return {
    record: (id: string) => `${root}record:${id}`,
    all: `${root}index:all`,
    phase: (phase: string) => `${root}index:phase:${phase}`,
    volume: (volume: string) => `${root}index:volume:${volume}`,
    due: `${root}due`,
    names: (destination: string) => `${root}names:${destination}`,
    idempotency: ({ caller, key }: Idempotency) =>
      `${root}idempotency:${createHash('sha256').update(`${caller}\0${key}`).digest('hex')}`,
  };
}

/**
 * KEYS: record, names, index:all, index:phase:P, index:volume:V, due, idempotency.
 * ARGV: json, phase, id, archive name, member, due or '', idempotency value or '', its lifetime in ms.
 * Returns nothing, or `seen` and the idempotency value, or `taken` and the id that has the name.
 */
const CREATE = `
if ARGV[7] ~= '' then
  local seen = redis.call('GET', KEYS[7])
  if seen then return {'seen', seen} end
end
local holder = redis.call('HGET', KEYS[2], ARGV[4])
if holder then return {'taken', holder} end
redis.call('HSET', KEYS[1], 'revision', 0, 'phase', ARGV[2], 'json', ARGV[1])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[3])
for index = 3, 5 do redis.call('ZADD', KEYS[index], 0, ARGV[5]) end
if ARGV[6] ~= '' then redis.call('ZADD', KEYS[6], ARGV[6], ARGV[3]) end
if ARGV[7] ~= '' then redis.call('SET', KEYS[7], ARGV[7], 'PX', ARGV[8]) end
return {}
`;

/**
 * KEYS: record, due, then index:phase:P for every phase. ARGV: json, revision that it's based on, phase, id, member,
 * due or '', number of the phase's key. Returns whether the revision was the record's.
 */
const UPDATE = `
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2] + 1, 'phase', ARGV[3], 'json', ARGV[1])
for index = 3, #KEYS do redis.call('ZREM', KEYS[index], ARGV[5]) end
redis.call('ZADD', KEYS[tonumber(ARGV[7])], 0, ARGV[5])
if ARGV[6] == '' then redis.call('ZREM', KEYS[2], ARGV[4]) else redis.call('ZADD', KEYS[2], ARGV[6], ARGV[4]) end
return 1
`;

/**
 * KEYS: record, due, names, then every index. ARGV: revision, id, archive name, member. Returns whether it's gone:
 * it is also where it wasn't there.
 */
const REMOVE = `
local revision = redis.call('HGET', KEYS[1], 'revision')
if not revision then return 1 end
if revision ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[3])
for index = 4, #KEYS do redis.call('ZREM', KEYS[index], ARGV[4]) end
return 1
`;

/** Records that one page reads from Redis at a time, where it has to leave some out. */
const CHUNK = 200;

const memberOf = ({ created, id }: ExportRecord) => `${created}/${id}`;
const idOf = (member: string) => member.slice(member.indexOf('/') + 1);
const dueOf = ({ due }: ExportRecord) => (due === undefined ? '' : String(due));

/** Records in Redis, beside the queue that they are about. */
export class RedisRecordStore implements RecordStore {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof keysBelow>;

  /** `queue`: name of the queue that the exports' jobs are in. */
  constructor({ redis, queue }: { redis: Redis; queue: string }) {
    this.#redis = redis;
    this.#keys = keysBelow(`${PREFIX}:${queue}:longshore:records:`);
  }

  async create(record: ExportRecord, idempotency?: Idempotency) {
    const { id, phase, request } = record;
    const keys = [
      this.#keys.record(id),
      this.#keys.names(request.destination),
      this.#keys.all,
      this.#keys.phase(phase),
      this.#keys.volume(request.volume),
      this.#keys.due,
      idempotency ? this.#keys.idempotency(idempotency) : this.#keys.all,
    ];
    const seen = idempotency ? JSON.stringify({ id, digest: idempotency.digest }) : '';
    const values = [encode(record), phase, id, request.name, memberOf(record), dueOf(record), seen];
    const answer = (await this.#redis.eval(
      CREATE,
      keys.length,
      ...keys,
      ...values,
      IDEMPOTENCY_MS,
    )) as string[];
    const [verdict, said] = answer;
    if (verdict === 'seen') return this.#again(said, idempotency);
    if (verdict === 'taken') throw nameTaken(record, said);
    return { record, existed: false };
  }

  async get(id: string): Promise<ExportRecord | undefined> {
    const json = await this.#redis.hget(this.#keys.record(id), 'json');
    return json === null ? undefined : decode(json);
  }

  async update(record: ExportRecord): Promise<ExportRecord> {
    const { id, phase, revision } = record;
    const next = { ...record, revision: revision + 1 };
    const keys = [this.#keys.record(id), this.#keys.due, ...PHASES.map((each) => this.#keys.phase(each))];
    const values = [encode(next), revision, phase, id, memberOf(record), dueOf(record)];
    // Lua counts from 1, and two keys stand before those of the phases.
    const phaseKey = PHASES.indexOf(phase) + 3;
    if ((await this.#redis.eval(UPDATE, keys.length, ...keys, ...values, phaseKey)) === 1) return next;
    throw changed(record);
  }

  async noteProgress(): Promise<void> {
    // The counters themselves are in Redis, for everyone who looks at the record here.
  }

  async remove(record: ExportRecord): Promise<void> {
    const { id, revision, request } = record;
    const keys = [
      this.#keys.record(id),
      this.#keys.due,
      this.#keys.names(request.destination),
      this.#keys.all,
      this.#keys.volume(request.volume),
      ...PHASES.map((each) => this.#keys.phase(each)),
    ];
    const values = [revision, id, request.name, memberOf(record)];
    if ((await this.#redis.eval(REMOVE, keys.length, ...keys, ...values)) !== 1) throw changed(record);
  }

  async list({ phase, volume, cursor, limit }: RecordQuery): Promise<RecordPage> {
    const index = this.#indexOf({ phase, volume });
    const records: ExportRecord[] = [];
    let below = cursor === undefined ? '+' : `(${decodeCursor(cursor)}`;
    for (;;) {
      const members = await this.#redis.zrange(index, below, '-', 'BYLEX', 'REV', 'LIMIT', 0, CHUNK);
      const found = await this.#read(members.map(idOf));
      for (const [at, record] of found.entries()) {
        below = `(${members[at]}`;
        if (!record || (phase && record.phase !== phase)) continue;
        if (records.length === limit) return { records, next: encodeCursor(memberOf(records[limit - 1])) };
        records.push(record);
      }
      if (members.length < CHUNK) return { records };
    }
  }

  async countPhases(): Promise<Record<Phase, number>> {
    const counts = await this.#pipelined(PHASES, (pipeline, phase) =>
      pipeline.zcard(this.#keys.phase(phase)),
    );
    return Object.fromEntries(PHASES.map((phase, at) => [phase, Number(counts[at])])) as Record<
      Phase,
      number
    >;
  }

  async due(now: number, limit: number): Promise<string[]> {
    return this.#redis.zrange(this.#keys.due, '-inf', String(now), 'BYSCORE', 'LIMIT', 0, limit);
  }

  async #again(seen: string, idempotency: Idempotency | undefined) {
    const { id, digest } = JSON.parse(seen) as { id: string; digest: string };
    const record = await this.get(id);
    if (!record) {
      const message = `The export ${id}, which this Idempotency-Key began, was deleted: choose another key.`;
      throw new ProducerError('IDEMPOTENCY_MISMATCH', message);
    }
    if (digest === idempotency?.digest) return { record, existed: true };
    const message = `This Idempotency-Key began the export ${id} with another request: choose another key.`;
    throw new ProducerError('IDEMPOTENCY_MISMATCH', message);
  }

  #indexOf({ phase, volume }: Pick<RecordQuery, 'phase' | 'volume'>): string {
    // The volume's index where both are asked for: each of its records tells its phase.
    if (volume !== undefined) return this.#keys.volume(volume);
    return phase === undefined ? this.#keys.all : this.#keys.phase(phase);
  }

  /** A record that was removed since its id was read is undefined. */
  async #read(ids: readonly string[]): Promise<(ExportRecord | undefined)[]> {
    const found = await this.#pipelined(ids, (pipeline, id) => pipeline.hget(this.#keys.record(id), 'json'));
    return found.map((json) => (typeof json === 'string' ? decode(json) : undefined));
  }

  async #pipelined<T>(
    items: readonly T[],
    add: (pipeline: ChainableCommander, item: T) => void,
  ): Promise<unknown[]> {
    const pipeline = this.#redis.pipeline();
    for (const item of items) add(pipeline, item);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, answer]) => {
      if (error) throw error;
      return answer;
    });
  }
}

const encode = (record: ExportRecord) => JSON.stringify(ExportRecord.parse(record));
const decode = (json: string) => ExportRecord.parse(JSON.parse(json));

const encodeCursor = (member: string) => Buffer.from(member).toString('base64url');

/** What a member looks like: a date, a slash, an id. */
const MEMBER = /^[0-9TZ:.-]{20,30}\/[a-z][a-z0-9]{7,62}$/;

function decodeCursor(cursor: string): string {
  const member = Buffer.from(cursor, 'base64url').toString('latin1');
  if (MEMBER.test(member)) return member;
  const message = `The cursor ${JSON.stringify(cursor)} isn't one of ours: give the \`next\` of the page before.`;
  throw new ProducerError('BAD_REQUEST', message);
}

function nameTaken({ request }: ExportRecord, holder: string): ProducerError {
  const { name, destination } = request;
  const message = `The export ${holder} has the name ${JSON.stringify(name)} at ${destination}: choose another, or delete that export.`;
  return new ProducerError('NAME_TAKEN', message);
}

function changed({ id }: ExportRecord): ProducerError {
  return new ProducerError('RECORD_CHANGED', `The record of export ${id} was changed meanwhile; look again.`);
}
