/** How progress of one kind is put for people. */
export interface View<P> {
  /** What is said before there's any. */
  begins: string;
  /** 0 to 1. */
  share(progress: P): number;
  describe(progress: P, elapsedMs: number): string;
}
