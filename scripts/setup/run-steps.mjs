/**
 * One thing that has to be there.
 * @typedef {object} Step
 * @property {readonly string[]} purposes what it is needed for
 * @property {() => string | undefined} pending what there is to do, in a few words; undefined if it's there
 * @property {() => void} run does it; `pending` gives undefined afterwards
 */

/**
 * Runs the steps that have something to do, in order. A step whose thing is there says nothing.
 * @param {readonly Step[]} steps
 */
export function runSteps(steps) {
  for (const step of steps) {
    const what = step.pending();
    if (what) timed(what, step.run);
  }
}

/**
 * Says what is being done while it is being done, and how long it took, on one line.
 * @param {string} what
 * @param {() => void} work
 */
function timed(what, work) {
  const start = performance.now();
  process.stdout.write(`set-up: ${what} … `);
  work();
  process.stdout.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}
