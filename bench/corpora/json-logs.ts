import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Contents, Corpus, Making } from './corpus.ts';
import { LogLines } from './log-lines.ts';

const SEED = 'json-logs-1';
const BYTES = 2e9;

const SERVICES = ['gateway', 'orders', 'billing', 'tracking', 'identity', 'search', 'mailer', 'planner'];

/** At which a log is rotated. */
const FILE_BYTES = 50e6;
const CHUNK_BYTES = 2 ** 20;

export const jsonLogs: Corpus = {
  title: 'JSON logs',
  about: 'lines of JSON that eight services might have written: requests, queries, messages and faults',
  make,
};

async function make({ path, scale, signal }: Making): Promise<Contents> {
  const share = (BYTES * scale) / SERVICES.length;
  const contents: Contents = { files: 0, bytes: 0 };
  for (const service of SERVICES) {
    const lines = new LogLines(service, `${SEED} ${service}`);
    mkdirSync(join(path, service), { recursive: true });
    for (let [left, number] = [share, 1]; left > 0; left -= FILE_BYTES, number++) {
      const file = join(path, service, `${service}.${String(number).padStart(2, '0')}.jsonl`);
      contents.bytes += await writeLog(file, { lines, bytes: Math.min(left, FILE_BYTES), signal });
      contents.files++;
    }
  }
  return contents;
}

interface Log {
  lines: LogLines;
  bytes: number;
  signal: AbortSignal;
}

/** Ends with the line that reaches `bytes`; gives the file's size. */
async function writeLog(file: string, { lines, bytes, signal }: Log): Promise<number> {
  const fd = openSync(file, 'w');
  let written = 0;
  try {
    while (written < bytes) {
      written += writeSync(fd, lines.take(Math.min(CHUNK_BYTES, bytes - written)));
      await setImmediate();
      signal.throwIfAborted();
    }
  } finally {
    closeSync(fd);
  }
  return written;
}
