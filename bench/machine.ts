import { cpus, release, totalmem } from 'node:os';
import prettyBytes from 'pretty-bytes';

/** What the figures were measured on. */
export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${prettyBytes(totalmem(), { binary: true })}, ` +
  `Linux ${release()}, Node ${process.versions.node}`;
