// `npm run demo`.
import { runInOwnGroup } from './own-group.ts';

runInOwnGroup(new URL('demo/main.ts', import.meta.url));
