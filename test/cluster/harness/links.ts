import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** Network links in this process's namespace that have this alias: a cluster's one has its folder's name. */
export async function linksOf(alias: string): Promise<string[]> {
  const links = await readdir('/sys/class/net');
  // One may go between two looks.
  const aliases = await Promise.all(
    links.map((link) => readFile(`/sys/class/net/${link}/ifalias`, 'utf8').catch(() => '')),
  );
  return links.filter((_, index) => aliases[index].trim() === alias);
}

/** One that goes by itself at the same time is gone, too. */
export async function removeLinks(alias: string): Promise<void> {
  for (const link of await linksOf(alias)) await execa('ip', ['link', 'delete', link], { reject: false });
}
