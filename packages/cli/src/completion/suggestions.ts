import { type ExportStatus, TERMINAL_PHASES } from '@longshore/shared';
import { Client } from '../client/client.ts';
import { clientSettings } from '../client/settings.ts';
import type { Config } from '../config.ts';

/** Whoever presses TAB doesn't wait longer. */
const PATIENCE_MS = 1_000;

/** As many as one look can take in. */
const MOST = 50;

export interface Suggestions {
  command: string;
  /** Where they belong: an argument, or an option. */
  argument?: string;
  option?: string;
  values: readonly { value: string; description: string }[];
}

const always = () => true;
const hasEnded = ({ phase }: ExportStatus) => TERMINAL_PHASES.has(phase);
const isCompleted = ({ phase }: ExportStatus) => phase === 'Completed';

/** Of which exports a command takes the id. */
const TAKES_ID: Record<string, (status: ExportStatus) => boolean> = {
  status: always,
  watch: always,
  cancel: (status) => !hasEnded(status),
  retry: ({ phase }) => phase === 'Failed' || phase === 'Cancelled',
  suspend: (status) => !hasEnded(status) && status.phase !== 'Suspended',
  resume: ({ phase }) => phase === 'Suspended',
  scale: (status) => !hasEnded(status),
  delete: hasEnded,
  links: isCompleted,
  download: isCompleted,
  ls: isCompleted,
  cat: isCompleted,
};

/** What only the server knows, where it's asked for and answers soon; nothing otherwise. */
export async function suggestionsFor(words: readonly string[], config: Config): Promise<Suggestions[]> {
  const [command = '', ...rest] = words;
  if (rest.length === 0 || rest.at(-1)?.startsWith('-')) return [];
  try {
    const options = { server: valueAfter('--server', rest), tokenFile: valueAfter('--token-file', rest) };
    const settings = await clientSettings(options, config.client);
    const client = new Client(settings, AbortSignal.timeout(PATIENCE_MS));
    if (Object.hasOwn(TAKES_ID, command)) return [await ids(command, client)];
    if (command === 'create')
      return await Promise.all([volumes(client, { command, argument: 'volume' }), destinations(client)]);
    return command === 'list' ? [await volumes(client, { command, option: 'volume' })] : [];
  } catch {
    // An error would be written over what the user is typing.
    return [];
  }
}

function valueAfter(option: string, words: readonly string[]): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? undefined : words[at + 1];
}

async function ids(command: string, client: Client): Promise<Suggestions> {
  const { exports } = await client.list({ limit: MOST });
  const values = exports
    .filter(TAKES_ID[command])
    .map(({ id, phase, volume, name }) => ({ value: id, description: `${phase}, ${volume}, ${name}` }));
  return { command, argument: 'id', values };
}

async function volumes(client: Client, place: Omit<Suggestions, 'values'>): Promise<Suggestions> {
  const { volumes: all } = await client.volumes();
  return { ...place, values: all.map(({ name }) => ({ value: name, description: 'volume' })) };
}

async function destinations(client: Client): Promise<Suggestions> {
  const { destinations: all } = await client.destinations();
  const values = all.map(({ name, kind }) => ({ value: name, description: kind }));
  return { command: 'create', argument: 'destination', values };
}
