export type { PlannedEntry } from './columns.ts';
export { readSegment, type SegmentPart } from './segment-reader.ts';
export { SegmentWriter, type Skipped } from './segment-writer.ts';
