import { join } from 'node:path';
import { Daemon } from '../container/daemon.ts';
import { buildImages, IMAGE } from '../container/images.ts';

/** As the manifests in k8s/ name it. */
export const IMAGE_NAME = 'longshore:0.1.0';

/** Builds the image as the Dockerfile says, and writes it to a file in a folder: nodes load it without a registry. */
export async function saveLongshoreImage(folder: string): Promise<string> {
  const path = join(folder, 'longshore.tar');
  await using daemon = await Daemon.start('machine');
  await buildImages(daemon);
  await daemon.docker(['tag', IMAGE, IMAGE_NAME]);
  await daemon.docker(['save', '--output', path, IMAGE_NAME]);
  return path;
}
