import { seededRandom } from '../fixtures/random-tree.ts';

/** A run's random moments: LONGSHORE_TEST_SEED, or the time. Printed, so that a run can be repeated. */
export function runSeed(): number {
  const seed = Number(process.env.LONGSHORE_TEST_SEED ?? Date.now() % 1_000_000);
  console.log(`    LONGSHORE_TEST_SEED=${seed}`);
  return seed;
}

/** A sequence of its own for the `index`th of several things that draw at the same time. */
export function randomOf(seed: number, index: number): () => number {
  return seededRandom(seed * 31 + index);
}
