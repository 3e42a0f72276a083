import { thisBuild } from '@longshore/tape';

/** The one message that a simulated worker gets; it answers with any one when it takes jobs. */
export interface Simulation {
  /** Path of a socket. */
  redis: string;
  /** A directory store, for the orders. */
  destination: string;
  /** An existing folder. */
  spool: string;
  /** Volume → how many items it's to have. */
  volumes: Readonly<Record<string, number>>;
}

export const VERSION = '0.0.0';

/** Orders and workers have the same one. */
export const build = () => thisBuild(VERSION);
