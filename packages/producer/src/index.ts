export * from './clear-store.ts';
export * from './end-export.ts';
export * from './error.ts';
export { addExportFlow, addPacks } from './flow.ts';
export * from './open-export.ts';
export * from './outcome.ts';
export { type PlanJobOptions, planJob } from './plan/plan-job.ts';
export { type PlannedSegment, Planner } from './plan/planner.ts';
export * from './request.ts';
