import { ProducerError, type ProducerErrorCode } from '../error.ts';

/** Rejects with `code` where `work` isn't done in time; it then goes on, and what becomes of it is nobody's any more. */
export async function withinTime<T>(
  work: Promise<T>,
  { ms, code, message }: { ms: number; code: ProducerErrorCode; message: string },
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new ProducerError(code, message)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
