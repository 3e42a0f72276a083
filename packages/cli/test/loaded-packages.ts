import { registerHooks } from 'node:module';

// Preloaded by `node --import`: says at the end which packages the program has loaded, as JSON on stdout.

const loaded = new Set<string>();

registerHooks({
  load(url, context, next) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
    if (name) loaded.add(name);
    return next(url, context);
  },
});

process.once('exit', () => process.stdout.write(JSON.stringify([...loaded])));
