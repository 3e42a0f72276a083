import { StoreError, type StoreErrorCode } from '../error.ts';

/** What was being done, for the message: `write s3://bucket/key at https://host`, without credentials. */
export interface Attempt {
  action: string;
  signal?: AbortSignal;
}

/** S3's error codes (S3 API reference, "Error responses"), with those that other servers and the SDK have added. */
const BY_NAME: Record<string, StoreErrorCode> = {
  NoSuchKey: 'NOT_FOUND',
  NotFound: 'NOT_FOUND',
  NoSuchBucket: 'NO_SUCH_BUCKET',
  NoSuchUpload: 'NO_SUCH_UPLOAD',
  InvalidPart: 'PART_MISMATCH',
  InvalidPartOrder: 'PART_MISMATCH',
  EntityTooSmall: 'PART_TOO_SMALL',
  PreconditionFailed: 'ALREADY_EXISTS',
  // Two conditional writes at once: asked again, one finds the other's object, or the upload gone.
  ConditionalRequestConflict: 'UNAVAILABLE',
  OperationAborted: 'UNAVAILABLE',

  AccessDenied: 'ACCESS_DENIED',
  AllAccessDisabled: 'ACCESS_DENIED',
  AccountProblem: 'ACCESS_DENIED',
  InvalidAccessKeyId: 'BAD_CREDENTIALS',
  SignatureDoesNotMatch: 'BAD_CREDENTIALS',
  XAdminUserNotFound: 'BAD_CREDENTIALS',
  ExpiredToken: 'BAD_CREDENTIALS',
  InvalidToken: 'BAD_CREDENTIALS',
  InvalidSecurity: 'BAD_CREDENTIALS',
  TokenRefreshRequired: 'BAD_CREDENTIALS',
  CredentialsProviderError: 'BAD_CREDENTIALS',
  // The SDK takes the server's clock from this answer, so the next attempt is signed right.
  RequestTimeTooSkewed: 'UNAVAILABLE',

  SlowDown: 'THROTTLED',
  SlowDownRead: 'THROTTLED',
  SlowDownWrite: 'THROTTLED',
  Throttling: 'THROTTLED',
  ThrottlingException: 'THROTTLED',
  RequestLimitExceeded: 'THROTTLED',
  TooManyRequests: 'THROTTLED',
  InternalError: 'UNAVAILABLE',
  ServiceUnavailable: 'UNAVAILABLE',
  // 400s, and yet about the connection: the body arrived late, cut or damaged.
  RequestTimeout: 'UNAVAILABLE',
  IncompleteBody: 'UNAVAILABLE',
  BadDigest: 'UNAVAILABLE',
  XAmzContentSHA256Mismatch: 'UNAVAILABLE',

  QuotaExceeded: 'NO_SPACE',
  InsufficientStorage: 'NO_SPACE',
  XMinioStorageFull: 'NO_SPACE',
  XAdminBucketQuotaExceeded: 'NO_SPACE',

  InvalidBucketName: 'BAD_DESTINATION',
  PermanentRedirect: 'BAD_DESTINATION',
  AuthorizationHeaderMalformed: 'BAD_DESTINATION',
  IllegalLocationConstraintException: 'BAD_DESTINATION',
  // Node's and OpenSSL's words for an endpoint whose scheme or certificate is wrong.
  EPROTO: 'BAD_DESTINATION',
  ERR_INVALID_URL: 'BAD_DESTINATION',
  ERR_TLS_CERT_ALTNAME_INVALID: 'BAD_DESTINATION',
  CERT_HAS_EXPIRED: 'BAD_DESTINATION',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'BAD_DESTINATION',
  SELF_SIGNED_CERT_IN_CHAIN: 'BAD_DESTINATION',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'BAD_DESTINATION',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'BAD_DESTINATION',

  TimeoutError: 'UNREACHABLE',
  ECONNREFUSED: 'UNREACHABLE',
  ECONNRESET: 'UNREACHABLE',
  ECONNABORTED: 'UNREACHABLE',
  ETIMEDOUT: 'UNREACHABLE',
  EPIPE: 'UNREACHABLE',
  ENOTFOUND: 'UNREACHABLE',
  EAI_AGAIN: 'UNREACHABLE',
  EHOSTUNREACH: 'UNREACHABLE',
  EHOSTDOWN: 'UNREACHABLE',
  ENETUNREACH: 'UNREACHABLE',
  ENETDOWN: 'UNREACHABLE',
  EADDRNOTAVAIL: 'UNREACHABLE',
  ERR_STREAM_PREMATURE_CLOSE: 'UNREACHABLE',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'UNREACHABLE',
};

/** For answers without a known code: HEAD has no body, and proxies say what they like. */
const BY_STATUS: Record<number, StoreErrorCode> = {
  301: 'BAD_DESTINATION',
  307: 'BAD_DESTINATION',
  401: 'BAD_CREDENTIALS',
  403: 'ACCESS_DENIED',
  404: 'NOT_FOUND',
  408: 'UNAVAILABLE',
  412: 'ALREADY_EXISTS',
  429: 'THROTTLED',
  500: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
  507: 'NO_SPACE',
};

/** What each code means to whoever reads the message, and what to do about it. */
const ADVICE: Record<StoreErrorCode, string> = {
  NOT_FOUND: 'there is no such object',
  ALREADY_EXISTS: 'there is an object of that name already, and it was left as it is',
  ACCESS_DENIED:
    'access denied; allow these credentials to get, put, list and delete objects, and to list and abort multipart uploads',
  BAD_CREDENTIALS:
    'the credentials are missing, wrong or expired; check the access key, the secret and the region',
  NO_SUCH_BUCKET: 'there is no such bucket; create it or correct the destination',
  NO_SUCH_UPLOAD:
    "the multipart upload is not open: completed, aborted, or removed by the bucket's lifecycle rules",
  PART_MISMATCH: 'the store holds other parts than those named',
  PART_TOO_SMALL: 'a part other than the last is below 5 MiB',
  NO_SPACE: 'the store is full or a quota is used up; make room and try again',
  UNREACHABLE: "no answer; check the endpoint's address and the network",
  UNAVAILABLE: 'the server failed for now; try again later',
  THROTTLED: 'the server asks for fewer requests; use fewer workers or try again later',
  ABORTED: 'the caller gave up',
  REFUSED: 'the server refused',
  BAD_DESTINATION:
    "the endpoint, the region or the bucket's name is wrong, or the certificate isn't trusted; correct the destination",
};

/** Where one of the names above says more than its code. */
const ADVICE_BY_NAME: Record<string, string> = {
  CredentialsProviderError:
    'there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile',
  InvalidAccessKeyId: "the access key isn't known there; check AWS_ACCESS_KEY_ID",
  XAdminUserNotFound: "the access key isn't known there; check AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "the secret isn't the access key's; check AWS_SECRET_ACCESS_KEY",
  ExpiredToken: 'the credentials have expired; get new ones',
  ECONNREFUSED: "nothing listens there; check the endpoint's address, and that its server runs",
  ENOTFOUND: "there is no such host; check the endpoint's address",
  EAI_AGAIN: "the host's name can't be resolved; check the endpoint's address and the network",
};

interface Clue {
  name: string;
  status: number | undefined;
  message: string;
}

/** The one sentence and code that whatever the SDK threw stands for. */
export function s3Fault(error: unknown, { action, signal }: Attempt): StoreError {
  if (error instanceof StoreError) return error;
  const clue = clueOf(error);
  const code = signal?.aborted ? 'ABORTED' : codeOf(clue);
  const detail = code === 'REFUSED' ? `${clue.name}: ${oneLine(clue.message)}` : clue.name;
  const status = clue.status === undefined ? '' : `, status ${clue.status}`;
  const message = `can't ${action}: ${adviceFor(clue, code)} (${detail}${status})`;
  return new StoreError(code, message, { cause: causeWithoutSecrets(clue) });
}

/** The code that S3 itself used, for what this package's codes don't tell apart. */
export function s3CodeOf(error: unknown): string {
  return clueOf(error).name;
}

function codeOf({ name, status }: Clue): StoreErrorCode {
  return (
    BY_NAME[name] ??
    (status === undefined ? undefined : BY_STATUS[status]) ??
    (status && status >= 500 ? 'UNAVAILABLE' : 'REFUSED')
  );
}

function adviceFor({ name }: Clue, code: StoreErrorCode): string {
  return code === BY_NAME[name] ? (ADVICE_BY_NAME[name] ?? ADVICE[code]) : ADVICE[code];
}

/** S3's code is the error's name; a socket's is its `code`. The innermost known word wins over a wrapper's. */
function clueOf(error: unknown): Clue {
  if (!(error instanceof Error)) return { name: 'Unknown', status: undefined, message: String(error) };
  const names = [wordOf(error, 'code'), wordOf(error, 'Code'), error.name];
  const name = names.find((word) => word !== undefined && word in BY_NAME) ?? error.name;
  return { name, status: statusOf(error), message: error.message };
}

function wordOf(error: object, property: string): string | undefined {
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' ? value : undefined;
}

function statusOf(error: object): number | undefined {
  const metadata: unknown = Reflect.get(error, '$metadata');
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const status: unknown = Reflect.get(metadata, 'httpStatusCode');
  return typeof status === 'number' ? status : undefined;
}

/** An answer can echo the access key, the signature and the signed headers, so the SDK's error isn't passed on. */
function causeWithoutSecrets({ name, message }: Clue): Error {
  const cause = new Error(oneLine(message));
  cause.name = name;
  return cause;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, ' ').slice(0, 300);
}
