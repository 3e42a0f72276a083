import { type ExportStatus, type PartMap, TERMINAL_PHASES } from '@longshore/shared';

/** How an export looked at one moment, as the events that tell of it, made once for however many readers. */
export interface State {
  status: string;
  parts: string;
  hasEnded: boolean;
  /** Everything, for a reader who has seen nothing yet. */
  whole: Buffer;
}

/** Every event is the whole truth of its kind, so a reader who missed some misses nothing: ids only have to grow. */
let lastId = 0;
const nextId = () => {
  lastId = Math.max(lastId + 1, Date.now());
  return lastId;
};

/** The id of an `ended`: a reader who comes back with it has seen everything. */
const ENDED_MARK = '-ended';

export function sawTheEnd(lastEventId: string | undefined): boolean {
  return lastEventId?.endsWith(ENDED_MARK) ?? false;
}

export function stateOf(exported: ExportStatus, partMap: PartMap): State {
  const [status, parts] = [JSON.stringify(exported), JSON.stringify(partMap)];
  const hasEnded = TERMINAL_PHASES.has(exported.phase);
  const events = [eventOf('status', status), eventOf('parts', parts)];
  if (hasEnded) events.push(endedEvent(exported.phase));
  return { status, parts, hasEnded, whole: Buffer.from(events.join('')) };
}

/** What has to be told to someone who knows `before`. */
export function changeSince(before: State, now: State): Buffer {
  if (now.hasEnded) return now.whole;
  const status = now.status === before.status ? '' : eventOf('status', now.status);
  const parts = now.parts === before.parts ? '' : eventOf('parts', now.parts);
  return Buffer.from(status + parts);
}

/** Without a phase: the export was deleted. */
export function endedEvent(phase?: string): string {
  return eventOf('ended', JSON.stringify({ phase }), `${nextId()}${ENDED_MARK}`);
}

/** JSON has no line breaks of its own, so one `data` line holds it (HTML, "Server-sent events"). */
function eventOf(event: string, data: string, id: number | string = nextId()): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}
