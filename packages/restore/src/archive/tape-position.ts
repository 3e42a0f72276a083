/** How far an archive has been read, in bytes of its tape. */
export interface TapePosition {
  at: number;
  tapeBytes: number;
}

/** Told of the tape's beginning, and then, in its order, of what has been read. */
export type OnPosition = (position: TapePosition) => void;
