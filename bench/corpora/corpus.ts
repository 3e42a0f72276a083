/** Where and how a corpus is made. */
export interface Making {
  /** A folder that isn't there yet. */
  path: string;
  /** Of the corpus's full size, above 0; 1 is what is published. */
  scale: number;
  signal: AbortSignal;
}

/** What came out. */
export interface Contents {
  files: number;
  /** As the files' sizes say; holes count. */
  bytes: number;
}

/** Files to export. The same seed gives the same tree, and none is ever in memory as a whole. */
export interface Corpus {
  title: string;
  /** What is in it, in a sentence. */
  about: string;
  make(making: Making): Promise<Contents>;
}
