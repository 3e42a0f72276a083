import { barReporter } from './bar.ts';
import { lineReporter } from './lines.ts';
import { jsonReporter, type Reporter, silentReporter } from './reporter.ts';
import type { View } from './view.ts';

/** The reporter that a command's options ask for, or that fits where stderr goes. */
export function reporterFor<P extends object>(
  { json, quiet }: { json?: boolean; quiet?: boolean },
  view: View<P>,
): Reporter<P> {
  if (quiet) return silentReporter;
  if (json) return jsonReporter(process.stderr);
  return process.stderr.isTTY ? barReporter(process.stderr, view) : lineReporter(process.stderr, view);
}
