// `npm run build`: writes dist/, a folder that runs wherever there is Node 26: `node dist/longshore.js`.
import { DIST } from './build/places.ts';
import { buildProgram } from './build/program.ts';

await buildProgram(DIST);
