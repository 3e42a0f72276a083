import { readFile } from 'node:fs/promises';

/** Of each request one event when it comes, and one when it's answered (audit.k8s.io/v1). */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['ResponseStarted'],
  rules: [
    // Nodes renew theirs all the time.
    { level: 'None', verbs: ['get', 'update'], resources: [{ group: 'coordination.k8s.io' }] },
    { level: 'Metadata' },
  ],
};

/** An audit event: which of the fields that `Metadata` has are used here. */
export interface AuditEvent {
  stage: 'RequestReceived' | 'ResponseComplete' | 'Panic';
  /** As RBAC names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  verb: string;
  requestURI: string;
  user: { username: string; groups?: string[] };
  userAgent?: string;
  objectRef?: {
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
    apiGroup?: string;
    apiVersion?: string;
  };
  /** Absent at RequestReceived. */
  responseStatus?: { code?: number; reason?: string; message?: string };
  /** RFC 3339, with microseconds. */
  requestReceivedTimestamp: string;
  stageTimestamp: string;
}

/** All events so far, oldest first. A line that is being written has no end yet, and is left for the next time. */
export async function readAuditLog(path: string): Promise<AuditEvent[]> {
  const text = await readFile(path, 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter(Boolean).map((line): AuditEvent => JSON.parse(line));
}
