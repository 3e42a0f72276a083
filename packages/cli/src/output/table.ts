import { oneLine } from './one-line.ts';

const GAP = '  ';

/**
 * Rows of text in columns as wide as they need to be. The last column isn't padded: there's the place for names,
 * which may have letters of any width.
 */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells.map((row) => `${lineOf(row, widths)}\n`).join('');
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column]))
    .join(GAP)
    .trimEnd();
}
