import { open } from 'node:fs/promises';
import { newToken, type Role } from '@longshore/producer/api';
import { ConfiguredName } from '@longshore/shared';
import { CliError } from '../error.ts';

export interface TokenOptions {
  name: string;
  role: Role;
  file?: string;
  json?: boolean;
}

/** `longshore token`: a new token, shown this once, and the line that lets it in. */
export async function tokenCommand({ name, role, file, json }: TokenOptions): Promise<void> {
  checkName(name);
  const { token, line } = newToken({ name, role });
  if (file !== undefined) await append(file, line);
  const entry: unknown = JSON.parse(line);
  if (json) process.stdout.write(`${JSON.stringify({ token, entry, file })}\n`);
  else process.stdout.write(file === undefined ? `${token}\n${line}\n` : `${token}\n`);
  process.stderr.write(adviceFor(file));
}

function checkName(name: string): void {
  const checked = ConfiguredName.safeParse(name);
  if (checked.success) return;
  const message = `The name ${JSON.stringify(name)} can't be used: it ${checked.error.issues[0].message}.`;
  throw new CliError('USAGE', message);
}

function adviceFor(file: string | undefined): string {
  const once = "The token is shown this once, and can't be had again";
  if (file === undefined) return `${once}. Add the second line to the token file.\n`;
  return `${once}. ${file} lets it in; a server that uses the file sees that within a second.\n`;
}

/** One write, so that a server that reads meanwhile sees the whole line or none. Others needn't read who may come in. */
async function append(file: string, line: string): Promise<void> {
  try {
    await using handle = await open(file, 'a+', 0o600);
    await handle.appendFile(`${(await endsInLine(handle)) ? '' : '\n'}${line}\n`);
    await handle.sync();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : cause;
    throw new CliError('USAGE', `The token file ${file} can't be written (${code}).`, { cause });
  }
}

/** An editor may have left the last line without its end. */
async function endsInLine(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() === '\n';
}
