/** What a TLS connection needs, in PEM; what isn't given is as the system has it. */
export interface RedisTls {
  ca?: string;
  cert?: string;
  key?: string;
  /** The name that the server's certificate is to have, where it isn't the host's. */
  servername?: string;
}

/** How to reach a Redis, in ioredis' words, so that it takes them as they are. Holds a password: never to be logged. */
export interface RedisSettings {
  host?: string;
  port?: number;
  /** Of a unix socket. */
  path?: string;
  username?: string;
  password?: string;
  db?: number;
  tls?: RedisTls;
  /** With these, they say where the Redis is that they call `name`. */
  sentinels?: { host: string; port: number }[];
  name?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
  /** TLS to the Sentinels themselves; `tls` is for the Redis that they name. */
  sentinelTLS?: RedisTls;
  /** Without it ioredis ignores `tls` where there are Sentinels. */
  enableTLSForSentinelMode?: boolean;
}

/** A URL (`redis://`, `rediss://`, `unix://`), the path of a socket, or settings. */
export type RedisAddress = string | RedisSettings;
