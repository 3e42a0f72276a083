import { Command } from 'commander';
import { processConfig } from '../config.ts';
import { positive } from './values.ts';

const S3_HELP = `
ARCHIVE is a path, or s3://bucket/prefix/NAME.tar.zst, with NAME.index.sqlite and NAME.manifest.json beside it. S3 is
configured by the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3.`;

const VERIFY_HELP = `
Exit codes: 0 whole; 1 damaged, or it can't be read; 2 wrong call; 3 whole, but files had changed or could not be
read when it was made (the manifest lists them); 130 interrupted.
${S3_HELP}`;

function verifyProgram(): Command {
  return new Command('verify')
    .description('read an archive to its end, and compare it with its manifest and index')
    .argument('<archive>', 'the archive, as export printed it')
    .option('--threads <n>', 'threads (default: one for each core)', positive)
    .option(
      '--json',
      'print the result as JSON, with every damaged file, and progress as JSON lines on stderr',
    )
    .option('--quiet', 'print nothing but what is wrong')
    .addHelpText('after', VERIFY_HELP)
    .action(async (archive, options) => {
      const { verifyCommand } = await import('../commands/verify.ts');
      await verifyCommand(archive, options, processConfig());
    });
}

const RESTORE_HELP = `
Owners are restored by root only. Exit codes: 0 done; 1 something is damaged (the rest is there), or it failed;
2 wrong call; 3 done, but attributes could not be set here, or files had changed or could not be read when the
archive was made; 130 interrupted: what was restored so far is there.
${S3_HELP}`;

function restoreProgram(): Command {
  return new Command('restore')
    .description('make the files that an archive holds, on all cores')
    .argument('<archive>', 'the archive, as export printed it')
    .argument('<dir>', 'an empty directory, or a new one')
    .option('--threads <n>', 'threads (default: one for each core)', positive)
    .option(
      '--json',
      'print the result as JSON, with everything that is not as it was, and progress as JSON lines on stderr',
    )
    .option('--quiet', 'print nothing but what is wrong')
    .addHelpText('after', RESTORE_HELP)
    .action(async (archive, dir, options) => {
      const { restoreCommand } = await import('../commands/restore.ts');
      await restoreCommand({ archive, dir }, options, processConfig());
    });
}

/** The commands that take an archive apart, without any server. */
export function archivePrograms(): Command[] {
  return [verifyProgram(), restoreProgram()];
}
