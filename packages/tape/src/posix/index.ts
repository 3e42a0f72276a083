/** The kernel's calls for other packages of this workspace: everything that is looked up without following links. */
export { mountIdOf, openBeneath, probeOpenat2, type Root } from './beneath.ts';
export { cString, EMPTY, HERE } from './c-string.ts';
export * from './constants.ts';
export { hasNames } from './directory-records.ts';
export { displayPath } from './display-path.ts';
export { errno, errnoName } from './errno.ts';
export { closeDescriptor, result } from './libc.ts';
