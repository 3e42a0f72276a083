// `npm start`: the whole service on this machine, until Ctrl-C.
import { runInOwnGroup } from './own-group.ts';

runInOwnGroup(new URL('start/main.ts', import.meta.url));
