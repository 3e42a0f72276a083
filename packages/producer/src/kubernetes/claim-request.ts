import { type CreateExport, LEVELS } from '@longshore/shared';
import { ProducerError } from '../error.ts';
import { defaultName, type ExportRequest } from '../request.ts';

/** The export of a claim that a body asks for. Its names are of its namespace; what is made of them says it. */
export function claimRequest({
  namespace,
  name,
  level,
  volume,
  destination,
  ...body
}: CreateExport): ExportRequest {
  if (namespace === undefined)
    throw new ProducerError('BAD_REQUEST', 'In a cluster an export has a namespace: add it to the request.');
  return {
    ...body,
    volume: `${namespace}/${volume}`,
    destination: `${namespace}/${destination}`,
    name: name ?? defaultName(volume, new Date()).toLowerCase(),
    level: level ?? LEVELS[body.format].default,
  };
}
