import { randomUUID } from 'node:crypto';
import { inMemory } from './body.ts';
import { StoreError } from './error.ts';
import type { RequestOptions, Store, Upload } from './store.ts';

/** For the steps, and then for removing what they left; together below the 25 s that `probe` promises. */
const STEPS_MS = 18_000;
const REMOVAL_MS = 5_000;

/**
 * Does once, with one small object and one upload below `.longshore/probe-…`, everything that an export does:
 * a missing permission shows now, not after hours of packing. Removes both even when a step fails.
 */
export async function probeStore(store: Store, options?: RequestOptions): Promise<void> {
  const key = `.longshore/probe-${randomUUID()}`;
  const uploads: Upload[] = [];
  try {
    await within(STEPS_MS, { store, ...options }, (signal) => trySteps(store, { key, uploads, signal }));
  } catch (error) {
    await within(REMOVAL_MS, { store }, (signal) => removeTraces(store, { key, uploads, signal }));
    throw isStrange(error) ? notAStore(store, error) : error;
  }
}

/** A web server that says, of an object that is being written, that there is none. */
function isStrange(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'NOT_FOUND';
}

function notAStore(store: Store, cause: StoreError): StoreError {
  const message = `${store.uri} doesn't answer as object storage does; check that its address is a store's (${cause.message})`;
  return new StoreError('BAD_DESTINATION', message, { cause });
}

interface Trial {
  key: string;
  uploads: Upload[];
  signal: AbortSignal;
}

async function trySteps(store: Store, { key, uploads, signal }: Trial): Promise<void> {
  const bytes = Buffer.from('written by a probe, to be deleted at once\n');
  await store.put(key, inMemory(bytes), { signal, ifAbsent: true });
  await expectListed(store, key, signal);
  for await (const _chunk of await store.get(key, { signal }));
  const upload = await store.createUpload(key, { signal });
  uploads.push(upload);
  await store.abortUpload(upload, { signal });
  await store.delete([key], { signal });
}

async function expectListed(store: Store, key: string, signal: AbortSignal): Promise<void> {
  for await (const object of store.list(key, { signal })) if (object.key === key) return;
  throw new StoreError(
    'REFUSED',
    `${store.uri} took an object, and doesn't list it; check that its address is a store's, and one whose listings are never behind`,
  );
}

/** The step's own error is what counts, so one from here is left out of account. */
async function removeTraces(store: Store, { key, uploads, signal }: Trial): Promise<void> {
  const removals = [
    store.delete([key], { signal }),
    ...uploads.map((upload) => store.abortUpload(upload, { signal })),
  ];
  await Promise.allSettled(removals);
}

/** Gives `steps` a signal of their own, and says UNREACHABLE when that one (not the caller's) ended them. */
async function within(
  ms: number,
  { store, signal }: RequestOptions & { store: Store },
  steps: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const deadline = AbortSignal.timeout(ms);
  try {
    await steps(signal ? AbortSignal.any([signal, deadline]) : deadline);
  } catch (cause) {
    if (!deadline.aborted || signal?.aborted) throw cause;
    const message = `${store.uri} didn't answer a probe within ${ms / 1000} s; check its address and the network`;
    throw new StoreError('UNREACHABLE', message, { cause });
  }
}
