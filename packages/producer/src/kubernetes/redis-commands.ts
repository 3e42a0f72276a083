/**
 * What an export's user may do in Redis. BullMQ runs scripts, and what a script does is checked as if its caller did it;
 * so the first list is what `bullmq/dist/cjs/scripts` call, and a test compares the two.
 */
export const SCRIPT_COMMANDS =
  'del exists get hdel hexists hget hgetall hincrby hlen hmget hmset hset incr incrby lindex llen lpop lpos lpush lrange lrem lset ltrim persist pexpire pexpireat pttl rename rpop rpoplpush rpush sadd scard set sismember smembers srem time type unlink xadd xdel xlen xrange xread xtrim zadd zcard zcount zlexcount zpopmin zrange zrangebylex zrangebyscore zrem zremrangebyrank zremrangebyscore zrevrange zrevrangebyscore zscore'.split(
    ' ',
  );

/** What BullMQ, ioredis and Longshore send themselves. None tells of keys that the user can't reach. */
export const OWN_COMMANDS =
  'auth hello ping info quit client|setname multi exec eval evalsha bzpopmin setbit getbit bitcount hscan sscan zscan publish subscribe unsubscribe'.split(
    ' ',
  );

/** Since Redis 7.2; one before it takes no rights to what it doesn't know. */
export const NEWER_COMMANDS = ['client|setinfo'];

export const EXPORT_COMMANDS: readonly string[] = [...new Set([...SCRIPT_COMMANDS, ...OWN_COMMANDS])];
