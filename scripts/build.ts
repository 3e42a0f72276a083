// `npm run build`: writes dist/, the program as the image has it: `dist/bin/longshore`, for machines like this one.
import { DIST } from './build/places.ts';
import { buildProgram } from './build/program.ts';

await buildProgram(DIST);
