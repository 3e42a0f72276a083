import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { ConfiguredName } from '@longshore/shared';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ProducerError } from '../../error.ts';
import { type Caller, ROLES, type Role } from './role.ts';

/**
 * One token, on one line of the file. Tokens are 32 random bytes, so a single SHA-256 hides them as well as any slow
 * hash would: there is no dictionary to try.
 */
const TokenLine = z.strictObject({
  name: ConfiguredName,
  role: z.enum(ROLES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
});

interface Token extends Caller {
  digest: Buffer;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** A token that nobody has seen yet, and the line of the token file that lets it in. */
export function newToken({ name, role }: Caller): { token: string; line: string } {
  const token = `longshore_${randomBytes(32).toString('base64url')}`;
  const entry: z.infer<typeof TokenLine> = { name, role, sha256: sha256(token).toString('hex') };
  return { token, line: JSON.stringify(TokenLine.parse(entry)) };
}

/** Who knows callers by their tokens. */
export interface CallerDirectory {
  callerOf(token: string): Promise<Caller | undefined>;
}

/** A changed file is seen by the first request that comes this much later. */
const LOOK_AGAIN_MS = 1_000;

/**
 * The callers that are let in: a file of JSON objects `{"name", "role", "sha256"}`, one a line; empty lines and
 * those that begin with `#` don't count. A change takes effect within a second. A file that can't be read any more, or
 * has become wrong, is logged, and the tokens that were good before stay good.
 */
export class TokenFile implements CallerDirectory {
  readonly #path: string;
  readonly #logger: Logger;
  #tokens: readonly Token[];
  #version: string;
  #lookedAt = performance.now();
  #complaint = '';

  private constructor(path: string, logger: Logger, read: { tokens: readonly Token[]; version: string }) {
    this.#path = path;
    this.#logger = logger;
    this.#tokens = read.tokens;
    this.#version = read.version;
  }

  /** Rejects with BAD_TOKEN_FILE, which names every line that is wrong. */
  static async open(path: string, { logger }: { logger: Logger }): Promise<TokenFile> {
    const version = await versionOf(path);
    return new TokenFile(path, logger, { version, tokens: await readTokens(path) });
  }

  /** Whose token it is; takes equally long for every token. */
  async callerOf(token: string): Promise<Caller | undefined> {
    if (performance.now() - this.#lookedAt > LOOK_AGAIN_MS) await this.reload();
    const digest = sha256(token);
    let found: Caller | undefined;
    for (const each of this.#tokens) if (timingSafeEqual(each.digest, digest)) found = each;
    return found && { name: found.name, role: found.role };
  }

  /** Looks at once whether the file has changed, as on SIGHUP. */
  async reload(): Promise<void> {
    this.#lookedAt = performance.now();
    try {
      const version = await versionOf(this.#path);
      if (version === this.#version) return;
      this.#tokens = await readTokens(this.#path);
      this.#version = version;
      this.#complaint = '';
      this.#logger.info({ tokens: this.#tokens.length }, 'read the token file again');
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    const complaint = error instanceof Error ? error.message : String(error);
    if (complaint !== this.#complaint) this.#logger.error({ complaint }, 'the token file stays as it was');
    this.#complaint = complaint;
  }
}

/** A secret that Kubernetes mounted is replaced by moving a link, so the inode counts too. */
async function versionOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readTokens(path: string): Promise<Token[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw unreadable(path, cause);
  });
  return parseTokens(text, path);
}

function unreadable(path: string, cause: unknown): ProducerError {
  const reason = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
  return new ProducerError('BAD_TOKEN_FILE', `The token file ${path} can't be read${reason}.`, { cause });
}

function parseTokens(text: string, path: string): Token[] {
  const complaints: string[] = [];
  const tokens = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const parsed = TokenLine.safeParse(jsonOf(line));
    if (parsed.success) return [tokenOf(parsed.data)];
    complaints.push(...parsed.error.issues.map((issue) => complaintOf(issue, index + 1)));
    return [];
  });
  complaints.push(...doublesIn(tokens));
  if (complaints.length === 0) return tokens;
  throw new ProducerError('BAD_TOKEN_FILE', `The token file ${path} is wrong: ${complaints.join('; ')}.`);
}

function tokenOf({ name, role, sha256 }: { name: string; role: Role; sha256: string }): Token {
  return { name, role, digest: Buffer.from(sha256, 'hex') };
}

/** What isn't JSON isn't an object either, and that is what the complaint then says. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Names the place, and never the line: it may hold a token that was pasted in its plain form. */
function complaintOf({ path, message }: z.core.$ZodIssue, line: number): string {
  return path.length === 0
    ? `line ${line} isn't a JSON object of name, role and sha256`
    : `line ${line}, ${path.join('.')}: ${message}`;
}

function doublesIn(tokens: readonly Token[]): string[] {
  const names = tokens.map(({ name }) => name);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map(
    (name) => `the name ${name} is there more than once`,
  );
}
