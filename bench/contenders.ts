import { fileURLToPath } from 'node:url';
import { root } from '../scripts/config.ts';

/** Where an archive goes. */
export const PLACES = ['directory', 's3'] as const;
export type Place = (typeof PLACES)[number];

/** One way to get the corpus there: a bash script, run in a folder that has `corpus` and an empty `out`. */
export interface Contender {
  name: 'longshore' | 'pipe';
  script: string;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const node = quoted(process.execPath);
const longshore = `${node} ${quoted(`${root}packages/cli/bin/longshore.js`)}`;
const upload = `${node} ${quoted(fileURLToPath(new URL('pipe-to-s3.ts', import.meta.url)))}`;

// Two workers of one thread each against as many zstd threads as there are cores, which is two on the machine
// that the published figures come from.
const OPTIONS = '--name bench --workers 2 --threads 1 --quiet';
const PIPE = 'tar -C corpus -cf - . | zstd -q -3 -T0';

export const CONTENDERS: Record<Place, readonly Contender[]> = {
  directory: [
    { name: 'longshore', script: `${longshore} export corpus --to out ${OPTIONS}` },
    { name: 'pipe', script: `${PIPE} -o out/bench.tar.zst` },
  ],
  s3: [
    { name: 'longshore', script: `${longshore} export corpus --to s3://bench/out ${OPTIONS}` },
    { name: 'pipe', script: `${PIPE} | ${upload} bench out/bench.tar.zst` },
  ],
};
