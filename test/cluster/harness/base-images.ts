import { join } from 'node:path';
import { execa } from 'execa';
import { builtTool, installedTool } from '../../harness/tools.ts';
import { type ImageSource, writeImage } from './image.ts';
import { allOf } from './until.ts';

/** The image of a pod's sandbox. */
export const PAUSE = 'longshore.test/pause:1';

/** As in `dns.yaml`. */
const COREDNS = 'longshore.test/coredns:1';

/** A shell and a few hundred commands: for pods that only have to do something. */
export const BUSYBOX = 'longshore.test/busybox:1';

/** Writes the images that every node has, and gives their files. */
export async function writeBaseImages(folder: string): Promise<string[]> {
  const sources = [await pause(), await coredns(), await busybox()];
  return allOf(
    sources.map((source) => writeImage(source, join(folder, `${source.name.replaceAll(/[/:]/g, '-')}.tar`))),
  );
}

async function pause(): Promise<ImageSource> {
  return { name: PAUSE, files: { '/pause': await builtTool('machine-init') }, entrypoint: ['/pause'] };
}

async function coredns(): Promise<ImageSource> {
  return { name: COREDNS, files: { '/coredns': await builtTool('coredns') }, entrypoint: ['/coredns'] };
}

async function busybox(): Promise<ImageSource> {
  const program = await installedTool('busybox');
  const { stdout } = await execa(program, ['--list']);
  const applets = stdout.split('\n').filter((name) => name !== 'busybox');
  return {
    name: BUSYBOX,
    files: { '/bin/busybox': program },
    links: Object.fromEntries(applets.map((name) => [`/bin/${name}`, 'busybox'])),
  };
}
