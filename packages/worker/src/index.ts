export * from './error.ts';
export type { AddPacks, PlanProcessor } from './job-run.ts';
export { type PoolOptions, WorkerPool } from './pool.ts';
