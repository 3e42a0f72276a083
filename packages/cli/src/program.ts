import { Command, type CommanderError } from 'commander';
import { CliError } from './error.ts';
import { archivePrograms } from './program/archive.ts';
import { clientPrograms } from './program/client.ts';
import { completionPrograms } from './program/completion.ts';
import { exportProgram } from './program/export.ts';
import { serveProgram, serveVolumeProgram, tokenProgram, workProgram } from './program/services.ts';
import { VERSION } from './version.ts';

// Commands are imported when they run: a start then loads only what it needs.

/** What is wrong with the call, as every other error; CommanderError is left for help and the version. */
function refuse(command: string, error: CommanderError): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw error;
  const said = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '');
  throw new CliError('USAGE', `${said}; see ${command} --help.`, { cause: error });
}

/** `longshore` with the commands that people call, of which completion is told too. */
export function commandTree(): Command {
  const root = new Command('longshore')
    .description('Exports a volume as one standard archive, with many workers at once.')
    .version(VERSION);
  for (const command of [
    exportProgram(),
    ...archivePrograms(),
    serveProgram(),
    workProgram(),
    tokenProgram(),
    ...clientPrograms(),
  ])
    root.addCommand(command);
  return root;
}

/** The command line. Parsing throws USAGE for a wrong call, and CommanderError once help was printed. */
export function program(): Command {
  const root = commandTree();
  const { script, complete } = completionPrograms();
  root.addCommand(script).addCommand(complete, { hidden: true });
  root.addCommand(serveVolumeProgram(), { hidden: true });
  for (const command of root.commands)
    command.exitOverride((error) => refuse(`longshore ${command.name()}`, error));
  root.exitOverride((error) => refuse('longshore', error));
  for (const command of [root, ...root.commands]) command.configureOutput({ outputError: () => undefined });
  return root;
}
