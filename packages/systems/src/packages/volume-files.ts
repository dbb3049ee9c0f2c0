/**
 * Files of a volume by path for the package side, which reads a system's settings; links are followed within the
 * volume.
 */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes, DirectoryEntry, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import type { SystemFiles } from "@stratos/pkg";

/** Linux follows at most this many links in one path (MAXSYMLINKS). */
const LINKS_MAX = 40;
/** dpkg's status of a large system is some 10 MB. */
const FILE_BYTES_MAX = 256 << 20;

export class VolumeFiles implements SystemFiles {
  readonly #files: Subvolume;
  readonly #attributes = new Attributes();

  constructor(files: Subvolume) {
    this.#files = files;
  }

  read(path: string): Uint8Array | undefined {
    const ino = this.#walk(path);
    if (ino < 0 || this.#files.stat(ino, this.#attributes) < 0) return undefined;
    const { mode, size } = this.#attributes;
    if ((mode & S_IFMT) !== S_IFREG || size > FILE_BYTES_MAX) return undefined;
    const bytes = new Uint8Array(Number(size));
    for (let done = 0; done < bytes.length;) {
      const count = this.#files.read(ino, done, bytes, done, bytes.length - done);
      if (count <= 0) return undefined;
      done += count;
    }
    return bytes;
  }

  list(path: string): string[] {
    const ino = this.#walk(path);
    if (ino < 0 || this.#files.stat(ino, this.#attributes) < 0 || (this.#attributes.mode & S_IFMT) !== S_IFDIR)
      return [];
    const names: string[] = [];
    const entry = new DirectoryEntry();
    for (let cursor = 0; this.#files.readDirectory(ino, cursor, entry) > 0; cursor = entry.nextCursor)
      names.push(entry.name);
    return names.sort();
  }

  /** Inode number, or below 0. */
  #walk(path: string): number {
    const rest = path.split("/").reverse();
    const folders = [ROOT_INO];
    let ino = ROOT_INO;
    for (let links = 0; rest.length > 0;) {
      const name = rest.pop()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (folders.length > 1) folders.pop();
        ino = folders.at(-1)!;
        continue;
      }
      ino = this.#files.lookup(ino, name);
      if (ino < 0 || this.#files.stat(ino, this.#attributes) < 0) return -1;
      if ((this.#attributes.mode & S_IFMT) === S_IFLNK) {
        const target = this.#files.readlink(ino);
        if (typeof target === "number" || ++links > LINKS_MAX) return -1;
        if (target.startsWith("/")) folders.length = 1;
        ino = folders.at(-1)!;
        rest.push(...target.split("/").reverse());
      } else folders.push(ino);
    }
    return ino;
  }
}
