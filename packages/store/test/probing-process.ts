import { openStore } from '../src/index.ts';

/** Probes the store that its argument names, with the settings in its environment. */
const uri = process.argv[2];
await using store = await openStore(uri);
const outcome = await store.probe().then(() => 'fine', String);
process.send?.({ uri: store.uri, outcome }, () => process.disconnect?.());
