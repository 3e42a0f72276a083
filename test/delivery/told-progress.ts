import { text } from 'node:stream/consumers';
import { Longshore } from '../harness/longshore.ts';

interface Told {
  bytes: number;
  doneBytes: number;
}

/** What a command says of its progress, with --json, from its start to its end. */
export async function toldProgress(args: readonly string[]): Promise<Told[]> {
  await using longshore = new Longshore([...args, '--json']);
  const said = await text(longshore.child.stderr!);
  return said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
