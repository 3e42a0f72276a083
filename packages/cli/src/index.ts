export { EXIT } from './exit-codes.ts';
export { program } from './program.ts';
