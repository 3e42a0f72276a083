export interface LiveLimits {
  /** Downloads at once. Each has a thread, with some 80 MB, for as long as its reader takes. */
  transfers: number;
  /** Volumes that are planned at once: walking is as much as their disks give. */
  plannings: number;
  /** How long a request waits for its volume to be planned; planning goes on after that. */
  planWaitMs: number;
  /** What a request is told to stay away for when it came in vain, in seconds. */
  retrySeconds: number;
  /** How long a plan is good for new downloads, or as long as it took to make where that's more. */
  freshMs: number;
  /** How long a plan is kept for downloads that are resumed, since it was last used. */
  keepMs: number;
  /** What the segments of all plans may take on disk: some 20 bytes an entry. */
  bytes: number;
  /** A reader who takes nothing for so long is given up: others wait for the thread. */
  stalledMs: number;
  /** How long a thread without a download is kept for the next one. */
  idleThreadMs: number;
}

export const LIVE_LIMITS: Readonly<LiveLimits> = {
  transfers: 8,
  plannings: 2,
  planWaitMs: 30_000,
  retrySeconds: 10,
  freshMs: 60_000,
  keepMs: 24 * 3_600_000,
  bytes: 2 ** 30,
  stalledMs: 300_000,
  idleThreadMs: 30_000,
};
