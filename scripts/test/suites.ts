import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root } from '../config.ts';

/** Something that `npm test` runs as one process: a check of the whole tree, or a folder's tests. */
export interface Suite {
  /** What it's called on the command line: `tape` for packages/tape/test, `e2e` for test/e2e. */
  name: string;
  /** Run with this Node: a script, and its arguments. */
  command: readonly string[];
  /** Whether it reports its own counts; a check that doesn't is one test, by its exit code. */
  reports: boolean;
}

const CHECKS: readonly Suite[] = [
  { name: 'lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'], reports: false },
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '--build'], reports: false },
];

/** The checks, then every package's tests, then every folder of test/, each in alphabetical order. */
export function findSuites(): Suite[] {
  const packages = testFolders('packages/*/test').map((folder) =>
    mochaSuite(basename(dirname(folder)), folder),
  );
  const whole = testFolders('test/*').map((folder) => mochaSuite(basename(folder), folder));
  return [...CHECKS, ...packages, ...whole];
}

/** Folders that match and hold at least one test, relative to the checkout. */
function testFolders(pattern: string): string[] {
  const folders = globSync(pattern, { cwd: root }).sort();
  return folders.filter((folder) => globSync('**/*.test.ts', { cwd: join(root, folder) }).length > 0);
}

/** A folder's tests, run by mocha with a reporter that tells the counts to the process that started it. */
export function mochaSuite(name: string, folder: string): Suite {
  const reporter = join(root, 'scripts/test/reporter.ts');
  const command = ['node_modules/mocha/bin/mocha.js', '--reporter', reporter, `${folder}/**/*.test.ts`];
  return { name, command, reports: true };
}

/** The suites with these names, in the suites' order; all of them where no name is given. */
export function pickSuites(suites: readonly Suite[], names: readonly string[]) {
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  const picked = names.length === 0 ? suites : suites.filter((suite) => names.includes(suite.name));
  return { picked, unknown };
}
