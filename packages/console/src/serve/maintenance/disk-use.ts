/** What the files of a folder take of the disk, each of its folders for itself. */
import { opendir, lstat, statfs } from "node:fs/promises";
import { join } from "node:path";

interface DiskUse {
  readonly folders: readonly { readonly name: string; readonly bytes: number }[];
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

/** Files that are counted of one folder; a cache of more is told to be as large as these. */
const FILES_MAX = 200_000;
/** Of `st_blocks`. Source: stat(3type). */
const SECTOR = 512;

/** @returns folders and files of `home`, as they are now; what goes meanwhile is not counted */
export async function diskUse(home: string): Promise<DiskUse> {
  const folders: { name: string; bytes: number }[] = [];
  for await (const entry of await opendir(home))
    folders.push({ name: entry.name, bytes: await bytesOf(join(home, entry.name)) });
  const { bavail, blocks, bsize } = await statfs(home);
  return { folders, freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}

/** Of a file with several names once. */
async function bytesOf(top: string): Promise<number> {
  const waiting = [top];
  const linked = new Set<string>();
  let bytes = 0;
  for (let count = 0; waiting.length > 0 && count < FILES_MAX; count++) {
    const path = waiting.pop()!;
    try {
      const stat = await lstat(path);
      if (stat.nlink > 1 && !stat.isDirectory()) {
        const name = `${stat.dev}:${stat.ino}`;
        if (linked.has(name)) continue;
        linked.add(name);
      }
      bytes += stat.blocks * SECTOR;
      if (stat.isDirectory()) for await (const entry of await opendir(path)) waiting.push(join(path, entry.name));
    } catch {
      // It has gone, or is another's.
    }
  }
  return bytes;
}
