import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { find, run } from './command.mjs';
import { SetupError } from './error.mjs';
import { cache } from './places.mjs';

/**
 * A program that is built from the Go module proxy, once for all checkouts.
 * @param {{name: string, version: string, path: string, needsGo: string}} tool `path` is the package's, `needsGo`
 *   the oldest Go that its module builds with
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
export function goTool(tool) {
  const folder = join(cache, `${tool.name}-${tool.version}`);
  const program = join(folder, tool.name);
  return {
    pending: () =>
      existsSync(program) ? undefined : `${tool.name} ${tool.version} (go install; a minute or two)`,
    run: () => build(tool, folder),
  };
}

/**
 * Builds beside the final place and moves the program there when it's whole, so that a build that was
 * interrupted, or one in another checkout at the same time, leaves nothing half done.
 * @param {{name: string, version: string, path: string, needsGo: string}} tool
 * @param {string} folder
 */
function build(tool, folder) {
  const go = findGo(tool);
  const scratch = `${folder}.${process.pid}.partial`;
  mkdirSync(scratch, { recursive: true });
  try {
    run(go, ['install', '-trimpath', '-ldflags', '-s -w', `${tool.path}@${tool.version}`], {
      GOBIN: scratch,
      CGO_ENABLED: '0',
    });
    mkdirSync(folder, { recursive: true });
    renameSync(join(scratch, tool.name), join(folder, tool.name));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
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
