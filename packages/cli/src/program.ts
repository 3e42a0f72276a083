import { FORMATS, ON_CHANGE } from '@longshore/shared';
import { Command, type CommanderError, InvalidArgumentError, Option } from 'commander';
import { processConfig } from './config.ts';
import { CliError } from './error.ts';
import { VERSION } from './version.ts';

function positive(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}

function integer(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('It must be a whole number.');
}

function fromZero(text: string): number {
  const number = integer(text);
  if (number >= 0) return number;
  throw new InvalidArgumentError('It must be a whole number from 0 on.');
}

const collect = (one: string, all: string[]) => [...all, one];

// Commands are imported when they run: a start then loads only what it needs.

function exportProgram(): Command {
  return new Command('export')
    .description('export a directory as one archive')
    .argument('<src>', 'the directory to export')
    .requiredOption('--to <dest>', 'a directory, or s3://bucket/prefix')
    .option('--name <name>', "the archive's name (default: SRC's base name and the start time)")
    .addOption(new Option('--format <format>', 'the archive format').choices(FORMATS).default('tar.zst'))
    .option('--level <n>', 'compression level (default: 3 for tar.zst, 6 for tar.gz)', integer)
    .option('--workers <n>', 'worker processes', positive, 2)
    .option('--threads <n>', 'threads of each worker (default: cores divided by workers)', positive)
    .option('--exclude <glob>', 'leave out what matches; may be given again', collect, [])
    .addOption(
      new Option('--on-change <what>', 'when files change meanwhile').choices(ON_CHANGE).default('record'),
    )
    .option('--redis <url>', 'use this Redis and the workers on it instead of private ones')
    .option('--json', 'print the result as JSON, and progress as JSON lines on stderr')
    .option('--quiet', 'print errors only')
    .addHelpText('after', EXPORT_HELP)
    .action(async (src, options) => {
      const { exportCommand } = await import('./commands/export.ts');
      await exportCommand(src, options, processConfig());
    });
}

const EXPORT_HELP = `
Exit codes: 0 complete; 1 failed; 2 wrong call or configuration; 3 complete, but files changed or could
not be read (the manifest lists them); 130 interrupted.

S3 is configured by the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL_S3.`;

function workProgram(): Command {
  return new Command('work')
    .description('take jobs from a queue until told to stop')
    .option('--redis <url>', 'Redis URL, or the path of its socket (or LONGSHORE_REDIS_URL)')
    .option('--volume <name=path>', 'a volume that this worker has; may be given again', collect, [])
    .option(
      '--destination <name=uri>',
      'a destination that this worker may write; may be given again',
      collect,
      [],
    )
    .option('--threads <n>', 'threads (default: one for each core)', positive)
    .option('--spool <dir>', 'folder for intermediate files (default: the system’s temporary folder)')
    .option('--name <name>', 'name in logs')
    .option('--grace <seconds>', 'how long SIGTERM lets jobs finish', fromZero, 25)
    .option(
      '--lock <seconds>',
      'how long a job goes without a sign of life before another worker takes it',
      positive,
      30,
    )
    .addOption(new Option('--private', 'end with the process that started this one').hideHelp())
    .action(async (options) => {
      const { workCommand } = await import('./commands/work.ts');
      await workCommand(options, processConfig());
    });
}

/** What is wrong with the call, as every other error; CommanderError is left for help and the version. */
function refuse(command: string, error: CommanderError): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw error;
  const said = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '');
  throw new CliError('USAGE', `${said}; see ${command} --help.`, { cause: error });
}

/** The command line. Parsing throws USAGE for a wrong call, and CommanderError once help was printed. */
export function program(): Command {
  const root = new Command('longshore')
    .description('Exports a volume as one standard archive, with many workers at once.')
    .version(VERSION);
  for (const command of [exportProgram(), workProgram()]) {
    root.addCommand(command);
    command.exitOverride((error) => refuse(`longshore ${command.name()}`, error));
  }
  root.exitOverride((error) => refuse('longshore', error));
  for (const command of [root, ...root.commands]) command.configureOutput({ outputError: () => undefined });
  return root;
}
