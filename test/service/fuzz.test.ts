import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { builtTool } from '../harness/tools.ts';
import { Api } from './api.ts';
import { GuardedService } from './guarded-service.ts';

const LOOK_AGAIN_MS = 50;

/** Enough that every answer below comes up, with any seed that was tried. */
const CASES = 40;

/** What there are exports for: most of what can be done with one ends it, or is refused once it's done. */
const EXPORTS = 24;

/** What is to have been answered at least once: otherwise the requests were too poor to show anything. */
const ANSWERS = [200, 201, 202, 302, 400, 401, 404, 405, 409, 415, 422];

describe('the API, asked by Schemathesis whatever its document allows and what it does not', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: GuardedService;
  let operator: string;

  before(async () => {
    temp = await tempFolder('fuzz');
    makeRandomTree(join(temp.path, 'volume'), { seed: 3, bytes: 1e5, files: 5 });
    const limits = { requestsPerMinute: 1_000_000, failuresPerMinute: 1_000_000 };
    service = await GuardedService.start(join(temp.path, 'volume'), { limits });
    operator = await service.token('otto', 'operator');
    service.program('serve');
    service.program('work', '--name', 'worker-1');
    while (!(await new Api(service.url).isReady())) await delay(LOOK_AGAIN_MS);
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  const headers = () => ({ authorization: `Bearer ${operator}`, 'content-type': 'application/json' });

  /** Exports that are complete, or on their way there, and some that can only fail. */
  async function makeExports(): Promise<string[]> {
    const made = Array.from({ length: EXPORTS }, async (_, at) => {
      const destination = at % 4 === 3 ? 'no-bucket' : 'good';
      const body = JSON.stringify({ volume: 'photos', destination, name: `fuzzed-${at}` });
      const answer = await fetch(`${service.url}/v1/exports`, { method: 'POST', body, headers: headers() });
      return ((await answer.json()) as { id: string }).id;
    });
    const ids = await Promise.all(made);
    while (!(await hasPhase('Completed')) || !(await hasPhase('Failed'))) await delay(LOOK_AGAIN_MS);
    return ids;
  }

  async function hasPhase(phase: string): Promise<boolean> {
    const answer = await fetch(`${service.url}/v1/exports?phase=${phase}`, { headers: headers() });
    return ((await answer.json()) as { exports: unknown[] }).exports.length > 0;
  }

  /** Most requests are about what there is: of nothing else, 404 is all that can be learned. */
  async function configure(ids: readonly string[]): Promise<string> {
    const file = join(temp.path, 'schemathesis.toml');
    const lines = [
      `[dictionaries.ids]\nvalues = ${JSON.stringify(ids)}`,
      '[dictionaries.volumes]\nvalues = ["photos"]',
      '[dictionaries.destinations]\nvalues = ["good", "no-bucket", "wrong-secret"]',
      // A list that is too long is too large a body first, and a path that is too long may be too large a header.
      '[checks.negative_data_rejection]',
      'expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431, "5xx"]',
      '[parameters]',
      '"path.id" = { dictionary = "ids", probability = 0.8 }',
      '"query.volume" = { dictionary = "volumes", probability = 0.5 }',
      '"body.volume" = { dictionary = "volumes", probability = 0.8 }',
      '"body.destination" = { dictionary = "destinations", probability = 0.8 }',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  }

  /** Statuses that the server has answered with, by its own log. */
  function answered(): Map<number, number> {
    const statuses = service.printed
      .join('')
      .matchAll(/"res":\{"status":(\d+)\}/g)
      .map(([, status]) => Number(status));
    return new Map(
      [...Map.groupBy(statuses, (status) => status)].map(([status, all]) => [status, all.length]),
    );
  }

  it('answers as the document says, and never with a fault of its own', async () => {
    const config = await configure(await makeExports());
    const { exitCode, all } = await execa(
      await builtTool('schemathesis'),
      [
        ...['--config-file', config, 'run', `${service.url}/v1/openapi.json`],
        ...['--header', `Authorization: Bearer ${operator}`, '--max-examples', `${CASES}`, '--seed', '7'],
        // Names, cursors and what goes together are the server's to know: a document can't say which are right.
        ...['--checks', 'all', '--exclude-checks', 'positive_data_acceptance'],
        // A link leads to S3, which isn't described there.
        ...['--max-redirects', '0', '--request-timeout', '20', '--no-color', '--no-shrink'],
      ],
      { cwd: temp.path, reject: false, all: true },
    );
    assert.equal(exitCode, 0, all);
    const statuses = answered();
    const faults = [...statuses.keys()].filter((status) => status >= 500);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      ANSWERS.filter((status) => !statuses.has(status)),
      [],
      JSON.stringify([...statuses]),
    );
  });
});
