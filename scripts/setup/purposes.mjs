/** What `setup.mjs` is asked to set up for. */
export const PURPOSES = /** @type {const} */ (['build', 'start', 'demo', 'test', 'bench', 'cluster']);

/** Those that run exports; a build needs Node alone. */
export const EXPORTS = PURPOSES.filter((purpose) => purpose !== 'build');

/** Those that start Kubernetes clusters. */
export const CLUSTERS = ['test', 'cluster'];
