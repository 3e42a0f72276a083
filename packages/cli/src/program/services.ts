import { failureOf } from '@longshore/shared';
import { Command, Option } from 'commander';
import { processConfig } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { collect, fromZero, positive } from './values.ts';

const CONFIG_HELP =
  'configuration file (or LONGSHORE_CONFIG; default: /etc/longshore/config.yaml, where it exists)';

export function serveProgram(): Command {
  return new Command('serve')
    .description('serve the HTTP API, and see exports to their ends, until told to stop')
    .option('--config <file>', CONFIG_HELP)
    .option('--listen <host:port>', 'address to listen on (or LONGSHORE_LISTEN; default: 127.0.0.1:8080)')
    .option('--redis <url>', 'Redis URL, or the path of its socket (or LONGSHORE_REDIS_URL)')
    .action(async (options) => {
      const { serveCommand } = await import('../commands/serve.ts');
      await serveCommand(options, processConfig());
    });
}

export function workProgram(): Command {
  return new Command('work')
    .description('take jobs from a queue until told to stop')
    .option('--config <file>', CONFIG_HELP)
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
    .addOption(new Option('--queue <name>', 'queue to take jobs from').hideHelp())
    .addOption(new Option('--export <id>', 'the one export that this worker is for').hideHelp())
    .addOption(new Option('--private', 'end with the process that started this one').hideHelp())
    .action(async (options) => {
      const { workCommand } = await import('../commands/work.ts');
      await inPod(options, () => workCommand(options, processConfig()));
    });
}

/** What runs beside a volume in a cluster; nobody calls it by hand. */
export function serveVolumeProgram(): Command {
  return new Command('serve-volume')
    .description('serve one live volume until nobody asks for it')
    .requiredOption('--listen <host:port>', 'address to listen on')
    .option('--idle <seconds>', 'how long nobody may ask before it ends', positive, 600)
    .action(async (options) => {
      const { serveVolumeCommand } = await import('../commands/serve-volume.ts');
      await serveVolumeCommand(options, processConfig());
    });
}

/** As the API's own roles; `token` would otherwise load the API to show its help. */
const ROLES = ['viewer', 'operator'] as const;

export function tokenProgram(): Command {
  return new Command('token')
    .description('make a token that lets a caller in, and the line for the token file')
    .requiredOption('--name <name>', 'whose it is, as logs call the caller')
    .addOption(
      new Option('--role <role>', 'what it allows: to look, or also to act')
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .option('--file <file>', 'append the line to this token file')
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { tokenCommand } = await import('../commands/token.ts');
      await tokenCommand(options);
    });
}

/** A pod's exit code tells Kubernetes whether another try could help: 42 is what its Job takes for one that couldn't. */
async function inPod(options: { export?: string }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (options.export === undefined || exitCodeOf(error) !== EXIT.usage) throw error;
    throw new CliError('BAD_POD', failureOf(error).message, { cause: error });
  }
}
