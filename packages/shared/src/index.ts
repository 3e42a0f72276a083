export * from './error.ts';
export * from './jobs.ts';
export * from './manifest.ts';
export * from './order.ts';
export * from './planned-root.ts';
export * from './progress.ts';
export * from './result.ts';
export * from './work-area.ts';
