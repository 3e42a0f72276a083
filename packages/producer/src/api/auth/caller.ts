import type { Request } from 'express';
import { ProducerError } from '../../error.ts';
import { allows, type Caller, type Role } from './role.ts';

interface Admission {
  caller: Caller;
  /** Asks again who it is; rejects where that can't be told now. */
  lookAgain: () => Promise<Caller | undefined>;
}

const admissions = new WeakMap<Request, Admission>();

export function admit(req: Request, admission: Admission): void {
  admissions.set(req, admission);
}

/** Whether the request would be let in now as well. Rejects where that can't be told. */
export async function isStillAdmitted(req: Request): Promise<boolean> {
  return (await admissions.get(req)?.lookAgain()) !== undefined;
}

/** Who sent the request. A route that nobody was let in to has no caller, and gets UNAUTHENTICATED. */
export function callerOf(req: Request): Caller {
  const caller = knownCallerOf(req);
  if (!caller)
    throw new ProducerError('UNAUTHENTICATED', 'This needs a token: send Authorization: Bearer TOKEN.');
  return caller;
}

/** As far as it's known: on routes for everyone, and before the token was looked at, there is none. */
export function knownCallerOf(req: Request): Caller | undefined {
  return admissions.get(req)?.caller;
}

/** Rejects with FORBIDDEN a caller whose role isn't enough. */
export function expectRole(req: Request, needed: Role): void {
  const { name, role } = callerOf(req);
  if (allows(role, needed)) return;
  throw new ProducerError('FORBIDDEN', `The token ${name} is a ${role}'s; this takes an ${needed}'s.`);
}
