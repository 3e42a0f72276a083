import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, run } from './command.mjs';
import { SetupError } from './error.mjs';
import { cache, root } from './places.mjs';

/**
 * @typedef {object} GoTool
 * @property {string} name
 * @property {string} version
 * @property {string} path the package's; with `within`, relative to the module, as `go build` takes it
 * @property {string} needsGo the oldest Go that its module builds with
 * @property {string} [within] the module, where it's one that `go install` refuses: its go.mod replaces or excludes
 *   what it depends on, which counts only where it is the main module
 * @property {string} [variable] the Go variable that says the version, set at linking
 */

/**
 * What is built with Go, once for all checkouts, into a folder that carries its name and version.
 * @typedef {object} Built
 * @property {string} name
 * @property {string} version
 * @property {string} needsGo
 * @property {readonly string[]} programs what is in the folder when it's whole
 * @property {string} takes how long that is, in a few words
 */

/**
 * A program that is built from the Go module proxy.
 * @param {GoTool} tool
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
export function goTool(tool) {
  const built = { ...tool, programs: [tool.name], takes: 'some minutes' };
  return step(built, (go, scratch) => {
    if (tool.within) buildWithin(go, tool, scratch);
    else install(go, tool, scratch);
  });
}

/**
 * Programs that a module in this checkout builds. Its go.mod and go.sum pin everything that goes into them.
 * @param {Built & {module: string, packages: readonly string[], set?: Record<string, string>}} source `module` is a
 *   folder; `set` gives packages' string variables their values at linking
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
export function goModule({ module, packages, set, ...built }) {
  return step(built, (go, scratch) => {
    const args = ['-C', join(root, module), ...flags(set), '-o', `${scratch}/`, ...packages];
    run(go, ['build', ...args], { CGO_ENABLED: '0' });
  });
}

/**
 * Files of a module, as they are.
 * @param {Built & {module: string, folder: string}} source `folder` is in the module; `programs` are files in it
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
export function goModuleFiles({ module, folder, ...built }) {
  return step(built, (go, scratch) => {
    const { Dir } = JSON.parse(run(go, ['mod', 'download', '-json', `${module}@${built.version}`]));
    // The module cache is read-only, and what is moved from the scratch folder needn't be.
    for (const file of built.programs)
      writeFileSync(join(scratch, file), readFileSync(join(Dir, folder, file)));
  });
}

/**
 * @param {Built} built
 * @param {(go: string, scratch: string) => void} build puts the programs into the scratch folder
 */
function step(built, build) {
  const folder = join(cache, `${built.name}-${built.version}`);
  return {
    pending: () => {
      const whole = built.programs.every((program) => existsSync(join(folder, program)));
      return whole ? undefined : `${built.name} ${built.version} (built with Go; ${built.takes})`;
    },
    run: () => buildInto(folder, built, build),
  };
}

/**
 * Builds beside the final place and moves the programs there when they're whole, so that a build that was
 * interrupted, or one in another checkout at the same time, leaves nothing half done.
 * @param {string} folder
 * @param {Built} built
 * @param {(go: string, scratch: string) => void} build
 */
function buildInto(folder, built, build) {
  const go = findGo(built);
  const scratch = `${folder}.${process.pid}.partial`;
  mkdirSync(scratch, { recursive: true });
  try {
    build(go, scratch);
    mkdirSync(folder, { recursive: true });
    for (const program of built.programs) renameSync(join(scratch, program), join(folder, program));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {string} go
 * @param {GoTool} tool
 * @param {string} into
 */
function install(go, tool, into) {
  run(go, ['install', ...flags(versionOf(tool)), `${tool.path}@${tool.version}`], {
    GOBIN: into,
    CGO_ENABLED: '0',
  });
}

/**
 * @param {string} go
 * @param {GoTool} tool
 * @param {string} into
 */
function buildWithin(go, tool, into) {
  const { Dir } = JSON.parse(run(go, ['mod', 'download', '-json', `${tool.within}@${tool.version}`]));
  run(go, ['build', '-C', Dir, ...flags(versionOf(tool)), '-o', join(into, tool.name), tool.path], {
    CGO_ENABLED: '0',
  });
}

/** @param {GoTool} tool */
const versionOf = ({ variable, version }) => (variable ? { [variable]: version } : {});

/** @param {Record<string, string>} [variables] */
function flags(variables = {}) {
  const set = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  return ['-trimpath', '-ldflags', ['-s -w', ...set].join(' ')];
}

/** @param {{name: string, needsGo: string}} tool */
function findGo({ name, needsGo }) {
  const go = find('go');
  const how = `${name} is built with Go ${needsGo} or later: unpack one from https://go.dev/dl/ to /usr/local/go`;
  if (!go) throw new SetupError(`there's no \`go\`. ${how} (Debian's golang package may be too old).`);
  const has = run(go, ['env', 'GOVERSION']).trim().replace(/^go/, '');
  if (isOlder(has, needsGo) && !fetchesToolchains(go, has))
    throw new SetupError(`${go} is Go ${has}. ${how}.`);
  return go;
}

/**
 * Since 1.21, Go fetches a newer toolchain by itself unless GOTOOLCHAIN forbids it.
 * @param {string} go
 * @param {string} version
 */
function fetchesToolchains(go, version) {
  return !isOlder(version, '1.21') && run(go, ['env', 'GOTOOLCHAIN']).trim() !== 'local';
}

/**
 * @param {string} version `1.26.8`, `1.25rc1`
 * @param {string} than `1.25`
 */
function isOlder(version, than) {
  const [major, minor] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor, wantedMinor] = than.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
