/**
 * How large items are, in order. Small ones first, so that a small volume splits well over many workers and a
 * lost one costs little; then doubling, so that the part numbers reach 41 TiB. 1,275 frames (5,100 MiB) are
 * the most that stay below 5 GiB when nothing in them compresses: deflate's sync flush and stored blocks add
 * up to 1,290 bytes a frame, zstd's headers up to 110.
 */
export const STEPS: readonly { items: number; frames: number }[] = [
  { items: 1_000, frames: 16 },
  { items: 125, frames: 32 },
  { items: 125, frames: 64 },
  { items: 125, frames: 128 },
  { items: 125, frames: 256 },
  { items: 125, frames: 512 },
  { items: 125, frames: 1_024 },
  { items: 8_249, frames: 1_275 },
];
