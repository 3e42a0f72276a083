import { createInterface } from 'node:readline';
import type { Longshore } from '../harness/longshore.ts';

/** What pino writes: a level (30 is `info`), a message, and fields. */
export interface LogLine {
  level: number;
  msg: string;
  code?: string;
  res?: { status: number };
}

/** The lines that a program logs from now on; the array grows as they come. */
export function logOf({ child }: Longshore): LogLine[] {
  const lines: LogLine[] = [];
  if (!child.stderr) throw new Error('it has no stderr');
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(JSON.parse(line)));
  return lines;
}
