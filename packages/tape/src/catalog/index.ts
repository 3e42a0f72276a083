export * from './columns.ts';
export * from './segment.ts';
export * from './segment-reader.ts';
export * from './segment-writer.ts';
