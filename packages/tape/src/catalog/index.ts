export type { PlannedEntry } from './columns.ts';
export { readSegment, type SegmentPart } from './segment-reader.ts';
export { type Skipped, SegmentWriter } from './segment-writer.ts';
