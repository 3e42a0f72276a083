import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publish } from '../../bench/publish.ts';
import type { CorpusResult, Run } from '../../bench/results.ts';
import { tempFolder } from '../harness/temp.ts';

const TAKEN = { date: '2026-11-01T12:00:00.000Z', machine: 'a machine' };

function run(contender: Run['contender'], wall: number, archiveBytes = 1e9): Run {
  return { contender, wall, cpu: wall, peakBytes: 460e6, ownPeakBytes: 450e6, archiveBytes };
}

const resultOf = (runs: Run[]): CorpusResult => ({ ...TAKEN, files: 3, bytes: 2e9, pairs: 3, runs });

const pipe = [8, 10, 12].map((wall) => run('s5cmd', wall));
const quick = [5, 4, 30].map((wall) => run('longshore-2x1', wall));

describe('what the benchmark publishes', () => {
  /** A page's rows, with one space between words. */
  async function rowsOf(folder: string): Promise<string[]> {
    const text = await readFile(join(folder, 'benchmarks.md'), 'utf8');
    return text.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  }

  it('has medians, each beside the pipe’s', async () => {
    await using temp = await tempFolder('publish');
    await publish({ corpora: { mixed: resultOf([...pipe, ...quick]) } }, temp.path);
    const medians = (await rowsOf(temp.path)).filter((each) => each.endsWith('| 1 GB | 2.00 |'));
    assert.deepEqual(medians, [
      '| `longshore export`, 2 workers × 1 thread | 5.00 s | 5.00 s | 460 MB | 1 GB | 2.00 |',
    ]);
  });

  it('has targets beside what was measured, in bold where they are reached', async () => {
    await using temp = await tempFolder('publish');
    const large = run('longshore-1x2', 9, 1.2e9);
    await publish({ corpora: { mixed: resultOf([...pipe, ...quick, large]) } }, temp.path);
    const rows = await rowsOf(temp.path);
    assert.ok(rows.includes('| wall, pipe ÷ Longshore | ≥ 1.30 | **2.00** (2 × 1); 1.11 (1 × 2) |'));
    assert.ok(rows.includes('| size, Longshore ÷ pipe | ≤ 1.01 | **1.00** (2 × 1); 1.20 (1 × 2) |'));
    assert.ok(
      rows.includes('| peak memory without Redis | ≤ 500 MB | **450 MB** (2 × 1); **450 MB** (1 × 2) |'),
    );
  });

  it('leaves what wasn’t measured anew', async () => {
    await using temp = await tempFolder('publish');
    const coordination = { ...TAKEN, ceilings: [{ workers: 2, items: 9_999, seconds: 5, redisCpu: 2 }] };
    const planning = { ...TAKEN, entries: 300, runs: [{ files: 200, plan: 0.002, find: 0.001 }] };
    await publish({ corpora: { mixed: resultOf(pipe) }, coordination }, temp.path);
    await publish({ planning }, temp.path);
    await publish({ corpora: { sparse: resultOf(pipe) } }, temp.path);
    await publish({ corpora: { mixed: resultOf(quick) } }, temp.path);
    const { corpora, ...rest } = JSON.parse(await readFile(join(temp.path, 'benchmarks.json'), 'utf8'));
    assert.deepEqual(rest, { coordination, planning });
    assert.deepEqual(corpora, { mixed: resultOf(quick), sparse: resultOf(pipe) });
    assert.ok(
      (await rowsOf(temp.path)).some((row) => row.startsWith('| 2 | **2,000** | ≥ 1,000 | 200 µs |')),
    );
    assert.ok((await rowsOf(temp.path)).includes('| planning | 0.00 s | **150,000** | ≥ 100,000 | 0.50 |'));
  });

  it('takes nothing over from a page of another make', async () => {
    await using temp = await tempFolder('publish');
    const file = join(temp.path, 'benchmarks.json');
    await writeFile(file, JSON.stringify({ date: TAKEN.date, runs: [] }));
    await publish({ corpora: { mixed: resultOf(pipe) } }, temp.path);
    assert.deepEqual(Object.keys(JSON.parse(await readFile(file, 'utf8'))), ['corpora']);
  });
});
