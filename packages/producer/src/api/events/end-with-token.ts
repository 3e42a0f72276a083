import type { Request, Response } from 'express';
import { isStillAdmitted } from '../auth/caller.ts';

const LOOK_AGAIN_MS = 1_000;

/**
 * Ends a stream whose reader's token was withdrawn: one look when it was opened isn't enough for what lasts for days.
 * Whether it was withdrawn can't be told while whoever knows is away, and then the stream goes on.
 */
export function endWithToken(req: Request, res: Response): void {
  let isLooking = false;
  const timer = setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    const isAdmitted = await isStillAdmitted(req).catch(() => true);
    isLooking = false;
    if (!isAdmitted) res.end();
  }, LOOK_AGAIN_MS);
  timer.unref();
  res.once('close', () => clearInterval(timer));
}
