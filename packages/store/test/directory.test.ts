import { readdir } from 'node:fs/promises';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { describeStore } from '../src/contract.ts';
import { DirectoryStore } from '../src/index.ts';

describe('DirectoryStore', () => {
  let temp: TempFolder;

  beforeEach(async () => {
    temp = await tempFolder('directory');
  });

  afterEach(() => temp[Symbol.asyncDispose]());

  describeStore('DirectoryStore', () => DirectoryStore.open(temp.path), {
    leftovers: () => readdir(temp.path, { recursive: true }),
  });
});
