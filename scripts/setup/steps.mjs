import { debianPackages } from './debian.mjs';
import { goTool } from './go-tools.mjs';
import { exactNode, npmPackages } from './npm.mjs';
import { archiveReaders } from './python.mjs';

export const PURPOSES = /** @type {const} */ (['demo', 'test', 'bench']);

/**
 * Everything that a fresh machine lacks, in the order in which it is brought.
 * @type {readonly import('./run-steps.mjs').Step[]}
 */
export const steps = [
  // First: npm packages' install scripts already run on Node 26, which needs a library of Debian's.
  ...PURPOSES.map((purpose) => ({ purposes: [purpose], ...debianPackages(purpose) })),
  { purposes: PURPOSES, ...npmPackages },
  { purposes: PURPOSES, ...exactNode },
  // An S3 server that checks signatures, part sizes and conditions as strictly as AWS does.
  {
    purposes: PURPOSES,
    ...goTool({
      name: 'versitygw',
      version: 'v1.8.0',
      path: 'github.com/versity/versitygw/cmd/versitygw',
      needsGo: '1.25',
    }),
  },
  { purposes: ['test'], ...archiveReaders },
];
