/** A folder of its own for one test, removed with everything in it when it is disposed of. */
export interface TempFolder extends AsyncDisposable {
  path: string;
}
export declare function tempFolder(name?: string): Promise<TempFolder>;
