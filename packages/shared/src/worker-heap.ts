/**
 * Node's options for a process that works on an export: MB for young objects, in each of its threads. Uploads and the
 * queue make thousands a second, which live for milliseconds. With more, as V8 would have it, a worker takes 60 to
 * 100 MB more and as long.
 */
export const WORKER_HEAP: readonly string[] = ['--min-semi-space-size=2', '--max-semi-space-size=2'];
