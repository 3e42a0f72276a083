/** What a command gives on stdout: the same for programs, as JSON in one line, and for people. */
export function print(value: unknown, { json, text }: { json?: boolean; text: () => string }): void {
  process.stdout.once('error', endQuietly);
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : text());
}

/** Whoever reads has read enough: `longshore list | head`. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
