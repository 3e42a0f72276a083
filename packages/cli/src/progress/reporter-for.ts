import { lineReporter } from './lines.ts';
import { jsonReporter, type Reporter, silentReporter } from './reporter.ts';
import type { View } from './view.ts';

/** The reporter that a command's options ask for, or that fits where stderr goes. What draws is loaded where it's wanted. */
export async function reporterFor<P extends object>(
  { json, quiet }: { json?: boolean; quiet?: boolean },
  view: View<P>,
): Promise<Reporter<P>> {
  if (quiet) return silentReporter;
  if (json) return jsonReporter(process.stderr);
  if (!process.stderr.isTTY) return lineReporter(process.stderr, view);
  const { barReporter } = await import('./bar.ts');
  return barReporter(process.stderr, view);
}
