import { FORMATS, ON_CHANGE } from '@longshore/shared';
import { Command, Option } from 'commander';
import { processConfig } from '../config.ts';
import { collect, integer, positive } from './values.ts';

export function exportProgram(): Command {
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
      const { exportCommand } = await import('../commands/export.ts');
      await exportCommand(src, options, processConfig());
    });
}

const EXPORT_HELP = `
Exit codes: 0 complete; 1 failed; 2 wrong call or configuration; 3 complete, but files changed or could
not be read (the manifest lists them); 130 interrupted.

S3 is configured by the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL_S3.`;
