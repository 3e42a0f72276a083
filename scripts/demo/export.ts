import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CreateExportInput, type ExportResult, ExportStatus } from '@longshore/shared';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import prettyBytes from 'pretty-bytes';
import { kill } from '../processes.ts';
import { DESTINATION, type Service } from '../service/service.ts';
import type { Volume } from '../volume.ts';

/** A completed export, and the worker that was killed meanwhile. */
export interface SurvivedExport {
  status: ExportStatus;
  result: ExportResult;
  killed: number;
}

/** Requests an export over HTTP, follows it, and kills a worker with SIGKILL when half of the volume is packed. */
export async function exportWithCasualty(
  service: Service,
  { volume, signal }: { volume: Volume; signal: AbortSignal },
): Promise<SurvivedExport> {
  const request: CreateExportInput = { volume: 'demo', destination: DESTINATION, name: 'demo' };
  console.log(`POST ${service.url}/v1/exports ${JSON.stringify(request)}`);
  const { id } = await create(service, { request, signal });
  console.log(`GET  ${service.url}/v1/exports/${id}/events`);
  let killed: number | undefined;
  let last: ExportStatus | undefined;
  for await (const status of statuses(service, { id, signal })) {
    last = status;
    const packed = status.progress.doneTapeBytes;
    if (killed === undefined && packed >= volume.bytes / 2) killed = killWorker(service, packed);
  }
  if (last?.phase !== 'Completed' || !last.result)
    throw new Error(`The export ended as ${last?.phase}: ${last?.error?.message ?? 'it says no more'}`);
  if (killed === undefined) throw new Error('The export ended before a worker could be killed.');
  return { status: last, result: last.result, killed };
}

async function create(
  { url }: Service,
  { request, signal }: { request: CreateExportInput; signal: AbortSignal },
): Promise<ExportStatus> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/exports`, {
    method: 'POST',
    body: JSON.stringify(request),
    headers,
    signal,
  });
  if (!response.ok) throw new Error(`The export was refused: ${await response.text()}`);
  return ExportStatus.parse(await response.json());
}

/** What the export's event stream tells of it, to its end. */
async function* statuses(
  { url }: Service,
  { id, signal }: { id: string; signal: AbortSignal },
): AsyncGenerator<ExportStatus> {
  const { body } = await fetch(`${url}/v1/exports/${id}/events`, { signal });
  if (!body) throw new Error(`The export ${id} has no events.`);
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of events)
    if (event === 'status') yield ExportStatus.parse(JSON.parse(data));
}

function killWorker({ workers }: Service, packed: number): number {
  const [{ pid }] = workers;
  kill(pid, 'SIGKILL');
  console.log(`  ${prettyBytes(packed)} are packed: kill -9 ${pid}, one of the ${workers.length} workers`);
  return pid;
}

/** Gets the archive into a file by the API's link to the store, and gives the file's path. */
export async function download(
  { url }: Service,
  { id, to, signal }: { id: string; to: string; signal: AbortSignal },
): Promise<string> {
  const { ok, status, body } = await fetch(`${url}/v1/exports/${id}/archive`, { signal });
  if (!ok || !body) throw new Error(`The archive can't be downloaded (${status}).`);
  await pipeline(Readable.fromWeb(body), createWriteStream(to), { signal });
  return to;
}
