import { type RootCommand, ShellCompDirective } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Config } from '../config.ts';
import { commandTree } from '../program.ts';
import { suggestionsFor } from './suggestions.ts';

/** Options whose value is a file, and those whose value is a folder: the shell knows what there is. */
const FILE_OPTIONS: ReadonlySet<string> = new Set(['--config', '--token-file', '--file', '--output']);
const FOLDER_OPTIONS: ReadonlySet<string> = new Set(['--to', '--spool']);

const FILE = ShellCompDirective.ShellCompDirectiveDefault;
const FOLDER = ShellCompDirective.ShellCompDirectiveFilterDirs;

/** What a command's arguments are, one after the other, where they are paths. */
const PATH_ARGUMENTS: Record<string, readonly number[]> = {
  export: [FOLDER],
  verify: [FILE],
  restore: [FILE, FOLDER],
};

function completions(): RootCommand {
  return tab(commandTree(), { completionCommandName: 'completion' });
}

/**
 * The script for bash calls a function of the package bash-completion. Where that isn't installed, bash's own words
 * do, which break at `=` and `:`.
 */
const BASH_WITHOUT_PACKAGE = `if ! declare -F _get_comp_words_by_ref > /dev/null; then
    _get_comp_words_by_ref() {
        words=("\${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=\${COMP_WORDS[COMP_CWORD]}
        prev=\${COMP_WORDS[COMP_CWORD - 1]}
    }
fi
`;

/** Prints a shell's script, which calls `longshore complete -- WORDS`. */
export function completionScript(shell: string): void {
  if (shell === 'bash') process.stdout.write(BASH_WITHOUT_PACKAGE);
  completions().setup('longshore', 'longshore', shell);
}

/** Prints what fits at the end of `words`, of which the last one is being typed, and what the shell is to do with it. */
export async function complete(words: readonly string[], config: Config): Promise<void> {
  const directive = pathDirective(words);
  if (directive !== undefined) {
    process.stdout.write(`:${directive}\n`);
    return;
  }
  const tree = completions();
  for (const { command, argument, option, values } of await suggestionsFor(words, config)) {
    const known = tree.commands.get(command);
    const slot = argument ? known?.arguments.get(argument) : known?.options.get(option ?? '');
    if (slot)
      slot.handler = (add) => {
        for (const { value, description } of values) add(value, description);
      };
  }
  tree.parse([...words]);
}

function pathDirective(words: readonly string[]): number | undefined {
  const [previous = '', current = ''] = words.slice(-2);
  if (FILE_OPTIONS.has(previous)) return ShellCompDirective.ShellCompDirectiveDefault;
  const path = PATH_ARGUMENTS[words[0]]?.[words.length - 2];
  if (path !== undefined && ![previous, current].some((word) => word.startsWith('-'))) return path;
  return FOLDER_OPTIONS.has(previous) ? ShellCompDirective.ShellCompDirectiveFilterDirs : undefined;
}
