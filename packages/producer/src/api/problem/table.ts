import type { StoreErrorCode } from '@longshore/store';
import type { ProducerErrorCode } from '../../error.ts';

/** Codes that a problem may have: this package's, the stores', and a few that callers come to see of others. */
export type ProblemCode = ProducerErrorCode | StoreErrorCode | 'BAD_EXCLUDE' | 'REDIS_FULL' | 'INTERNAL';

interface Meaning {
  status: number;
  /** What the caller is told, where the error's own sentence would tell of the server's insides: paths, hosts, keys. */
  detail?: string;
}

const INTERNAL: Meaning = {
  status: 500,
  detail: "The server failed, and it isn't the request's fault. Its log tells more, under this request id.",
};

const STORE_FAILS: Meaning = {
  status: 502,
  detail:
    "The destination's store refuses what the server asks of it: the operator has to look at its settings.",
};

const STORE_AWAY: Meaning = {
  status: 503,
  detail: "The destination's store doesn't answer for now: try again later.",
};

const STORE_GONE: Meaning = { status: 410, detail: "The object isn't at the destination any more." };

const REDIS: Meaning = { status: 503, detail: "Redis doesn't take anything for now: try again later." };

/** The one table of codes and statuses (RFC 9110, section 15). A code that isn't in it is INTERNAL. */
export const PROBLEMS: Readonly<Record<ProblemCode, Meaning>> = {
  BAD_REQUEST: { status: 400 },
  BAD_EXCLUDE: { status: 400 },
  CLUSTER_REFUSED: { status: 502, detail: "Kubernetes' API server refuses what the server asks of it." },
  CLUSTER_AWAY: { status: 503, detail: "Kubernetes' API server doesn't answer for now: try again later." },
  BAD_JSON: { status: 400, detail: "The body isn't JSON, or broke off." },
  UNAUTHENTICATED: { status: 401 },
  FORBIDDEN: { status: 403 },
  FOREIGN_HOST: { status: 403 },
  FOREIGN_ORIGIN: { status: 403 },
  NO_SUCH_ROUTE: { status: 404 },
  UNKNOWN_EXPORT: { status: 404 },
  NO_SUCH_ENTRY: { status: 404 },
  NO_SUCH_VOLUME: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  NOT_ACCEPTABLE: { status: 406 },
  WRONG_PHASE: { status: 409 },
  NAME_TAKEN: { status: 409 },
  ARCHIVE_EXISTS: {
    status: 409,
    detail:
      'The destination holds an object of this name already, which is never overwritten: choose another name.',
  },
  RECORD_CHANGED: {
    status: 409,
    detail: 'The export was changed at the same moment: look at it, and try again.',
  },
  VOLUME_CHANGED: { status: 409 },
  ARCHIVE_GONE: { status: 410 },
  PUBLISHED_DAMAGED: { status: 502 },
  INDEX_TOO_LARGE: { status: 507 },
  CACHE_FULL: { status: 507 },
  SECRET_MISSING: { status: 409 },
  SECRET_GONE: { status: 409 },
  COPY_LOST: { status: 409 },
  PRECONDITION_FAILED: { status: 412 },
  BODY_TOO_LARGE: { status: 413 },
  UNSUPPORTED_BODY: { status: 415 },
  RANGE_NOT_SATISFIABLE: { status: 416 },
  // The request can be read, and what it names isn't there: 404 would be about its address.
  UNKNOWN_VOLUME: { status: 422 },
  UNKNOWN_DESTINATION: { status: 422 },
  IDEMPOTENCY_MISMATCH: { status: 422 },
  NOT_A_FILE: { status: 422 },
  SELECTION_TOO_LARGE: { status: 422 },
  TOO_MANY_REQUESTS: { status: 429 },

  TOO_MANY_STREAMS: { status: 503 },
  TOO_MANY_TRANSFERS: { status: 503 },
  PLANNING: { status: 503 },
  VOLUME_NOT_HERE: { status: 503 },
  VOLUME_FAILED: { status: 503 },
  PLAN_TOO_LARGE: { status: 507 },
  NOT_READY: { status: 503 },
  TOO_SLOW: { status: 503 },
  REDIS_FULL: REDIS,
  UNREACHABLE: STORE_AWAY,
  UNAVAILABLE: STORE_AWAY,
  THROTTLED: STORE_AWAY,
  ABORTED: STORE_AWAY,
  NO_SPACE: { status: 507, detail: "The destination's store is full, or a quota of it is used up." },
  ACCESS_DENIED: STORE_FAILS,
  BAD_CREDENTIALS: STORE_FAILS,
  NO_SUCH_BUCKET: STORE_FAILS,
  BAD_DESTINATION: STORE_FAILS,
  REFUSED: STORE_FAILS,
  NOT_FOUND: STORE_GONE,
  NO_SUCH_UPLOAD: STORE_GONE,
  ALREADY_EXISTS: { status: 409, detail: 'The destination holds an object of this name already.' },

  PART_MISMATCH: INTERNAL,
  PART_TOO_SMALL: INTERNAL,
  PLAN_OVERTAKEN: INTERNAL,
  FLOW_GONE: INTERNAL,
  PLANNER_DIED: INTERNAL,
  TRANSFER_DIED: INTERNAL,
  BAD_PLAN_FOLDER: INTERNAL,
  // These are said at start, on a terminal.
  AUTH_REQUIRED: INTERNAL,
  BAD_TOKEN_FILE: INTERNAL,
  CANNOT_LISTEN: INTERNAL,
  INTERNAL,
};

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
