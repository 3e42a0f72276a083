import { Argument, Command } from 'commander';
import { processConfig } from '../config.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** `completion SHELL` prints a script, which asks `complete -- WORDS` for what fits. */
export function completionPrograms(): { script: Command; complete: Command } {
  const script = new Command('completion')
    .description('print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', COMPLETION_HELP)
    .action(async (shell) => {
      const { completionScript } = await import('../completion/complete.ts');
      completionScript(shell);
    });
  const complete = new Command('complete')
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words) => {
      const { complete } = await import('../completion/complete.ts');
      await complete(words, processConfig());
    });
  return { script, complete };
}

const COMPLETION_HELP = `
bash:  source <(longshore completion bash)
zsh:   source <(longshore completion zsh)
fish:  longshore completion fish | source`;
