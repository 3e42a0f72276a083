import { describeStore } from '../src/contract.ts';
import { MemoryStore } from '../src/index.ts';

describeStore('MemoryStore', async () => new MemoryStore());
