import { CONSISTENCIES, FORMATS, ON_CHANGE, PHASES } from '@longshore/shared';
import { Command, Option } from 'commander';
import type { Action } from '../client/client.ts';
import { processConfig } from '../config.ts';
import { collect, connections, headerValue, integer, positive } from './values.ts';

/** A command that asks a server, with the options that all of those have that print a result. */
function clientCommand(name: string, description: string): Command {
  return serverCommand(name, description).option('--json', 'print the result as JSON');
}

/** A command that asks a server. */
function serverCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--server <url>', 'the server (or LONGSHORE_SERVER; default: http://127.0.0.1:8080)')
    .option('--token <token>', 'token, seen by every user of this machine: better LONGSHORE_TOKEN or a file')
    .option('--token-file <file>', 'file with the token (or LONGSHORE_TOKEN_FILE)');
}

const EXIT_CODES = `
Exit codes: 0 complete; 1 failed; 2 wrong call, token or configuration; 3 complete, but files changed or could
not be read (the manifest lists them); 130 interrupted: the export goes on.`;

const DOWNLOAD_HELP = `
What came is in FILE.part until all is there, and the same command goes on with it: after an interrupt, a crash, or
when the server was away. FILE is never overwritten.`;

function createProgram(): Command {
  return clientCommand('create', 'request an export, and print its id')
    .argument('<volume>', 'a volume that the server knows; in a cluster a claim')
    .argument('<destination>', 'a destination that the server knows; in a cluster a Secret')
    .option('--namespace <name>', 'in a cluster: where claim and Secret are')
    .option('--name <name>', "the archive's name (default: the volume's name and the time)")
    .addOption(new Option('--format <format>', 'the archive format (default: tar.zst)').choices(FORMATS))
    .option('--level <n>', 'compression level (default: 3 for tar.zst, 6 for tar.gz)', integer)
    .option('--exclude <glob>', 'leave out what matches; may be given again', collect, [])
    .addOption(
      new Option('--on-change <what>', 'when files change meanwhile (default: record)').choices(ON_CHANGE),
    )
    .option('--workers <n>', 'in a cluster: pods that work on it at once (default: 1)', positive)
    .addOption(
      new Option(
        '--consistency <what>',
        'in a cluster: export the claim itself, or a copy (default: Live)',
      ).choices(CONSISTENCIES),
    )
    .option('--snapshot-class <name>', "with --consistency Snapshot: its class (default: the driver's)")
    .option('--idempotency-key <key>', 'the same key gives the same export, for a day', headerValue)
    .option('--watch', 'follow the export to its end, as watch does')
    .addHelpText('after', EXIT_CODES)
    .hook('preAction', expectSnapshot)
    .action(async (volume, destination, options) => {
      const { createCommand } = await import('../commands/create.ts');
      await createCommand({ volume, destination }, options, processConfig());
    });
}

function expectSnapshot(command: Command): void {
  const { consistency, snapshotClass } = command.opts();
  if (snapshotClass === undefined || consistency === 'Snapshot') return;
  command.error("option '--snapshot-class <name>' goes with --consistency Snapshot alone");
}

function listProgram(): Command {
  return clientCommand('list', 'list exports, the newest first')
    .addOption(new Option('--phase <phase>', 'only those in this phase').choices(PHASES))
    .option('--volume <name>', 'only those of this volume')
    .option('--limit <n>', 'how many', positive, 50)
    .option('--all', 'all of them')
    .action(async (options) => {
      const { listCommand } = await import('../commands/list.ts');
      await listCommand(options, processConfig());
    });
}

function statusProgram(): Command {
  return clientCommand('status', 'show where an export stands')
    .argument('<id>', "the export's id")
    .action(async (id, options) => {
      const { statusCommand } = await import('../commands/status.ts');
      await statusCommand(id, options, processConfig());
    });
}

function watchProgram(): Command {
  return clientCommand('watch', 'follow an export to its end')
    .argument('<id>', "the export's id")
    .addHelpText('after', EXIT_CODES)
    .action(async (id, options) => {
      const { watchCommand } = await import('../commands/watch.ts');
      await watchCommand(id, options, processConfig());
    });
}

/** What may be done with an export that there is. */
const ACTION_HELP: Record<Action, string> = {
  cancel: 'give an export up; what it wrote is removed',
  retry: 'go on with an export that failed or was cancelled; what is packed stays packed',
  suspend: 'let an export rest; what is packed stays packed',
  resume: 'go on with a suspended export',
};

function actionProgram(action: Action): Command {
  return clientCommand(action, ACTION_HELP[action])
    .argument('<id>', "the export's id")
    .action(async (id, options) => {
      const { actCommand } = await import('../commands/act.ts');
      await actCommand({ id, action }, options, processConfig());
    });
}

function scaleProgram(): Command {
  return clientCommand('scale', 'have more workers do an export, or fewer; in a cluster')
    .argument('<id>', "the export's id")
    .argument('<workers>', 'how many pods', positive)
    .action(async (id, workers, options) => {
      const { scaleCommand } = await import('../commands/scale.ts');
      await scaleCommand({ id, workers }, options, processConfig());
    });
}

function deleteProgram(): Command {
  return clientCommand('delete', 'delete an export that has ended, and its archive')
    .argument('<id>', "the export's id")
    .action(async (id, options) => {
      const { deleteCommand } = await import('../commands/delete.ts');
      await deleteCommand(id, options, processConfig());
    });
}

function linksProgram(): Command {
  return clientCommand('links', 'print a link to the archive of a completed export')
    .argument('<id>', "the export's id")
    .action(async (id, options) => {
      const { linksCommand } = await import('../commands/links.ts');
      await linksCommand(id, options, processConfig());
    });
}

function downloadProgram(): Command {
  return clientCommand('download', 'download the archive of a completed export, and check it')
    .argument('<id>', "the export's id")
    .option('--output <file>', "the file, or a folder for it (default: the archive's name, here)")
    .option('--connections <n>', 'connections at once', connections, 4)
    .option('--quiet', 'no progress, and no result unless as JSON')
    .addHelpText('after', DOWNLOAD_HELP)
    .action(async (id, options) => {
      const { downloadCommand } = await import('../commands/download.ts');
      await downloadCommand(id, options, processConfig());
    });
}

const ENCODED = 'PATH is in Base64, as --json shows names that are not UTF-8';

function lsProgram(): Command {
  return clientCommand('ls', 'list a directory of an archive')
    .argument('<id>', "the export's id")
    .argument('[path]', "the directory, or a file (default: the volume's root)", '')
    .option('--encoded', ENCODED)
    .action(async (id, path, options) => {
      const { lsCommand } = await import('../commands/ls.ts');
      await lsCommand({ id, path }, options, processConfig());
    });
}

function catProgram(): Command {
  return serverCommand('cat', 'print a file of an archive')
    .argument('<id>', "the export's id")
    .argument('<path>', 'the file')
    .option('--encoded', ENCODED)
    .action(async (id, path, options) => {
      const { catCommand } = await import('../commands/cat.ts');
      await catCommand({ id, path }, options, processConfig());
    });
}

export function clientPrograms(): Command[] {
  return [
    createProgram(),
    listProgram(),
    statusProgram(),
    watchProgram(),
    ...(Object.keys(ACTION_HELP) as Action[]).map(actionProgram),
    scaleProgram(),
    deleteProgram(),
    linksProgram(),
    downloadProgram(),
    lsProgram(),
    catProgram(),
  ];
}
