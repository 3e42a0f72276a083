/** The folder of the npm package that a module's path is in; undefined for our own. */
export function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module)?.[0];
}
