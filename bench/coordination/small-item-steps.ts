/** What `item-steps.ts` of the tape has, with all items of one frame: 4 MiB, so that 9,999 are 39 GiB. */
export const STEPS: readonly { items: number; frames: number }[] = [{ items: 9_999, frames: 1 }];
