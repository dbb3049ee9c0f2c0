/** Files of a system in a folder, to read; links are followed within the folder, as the system itself would. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { SystemFiles } from "@stratos/pkg";

/** Linux follows at most this many links in one path (MAXSYMLINKS). */
const LINKS_MAX = 40;

export class FolderFiles implements SystemFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  read(path: string): Uint8Array | undefined {
    const found = this.#find(path);
    return found?.stats.isFile() === true ? readFileSync(found.path) : undefined;
  }

  list(path: string): string[] {
    const found = this.#find(path);
    return found?.stats.isDirectory() === true ? readdirSync(found.path).sort() : [];
  }

  #find(path: string): { path: string; stats: Stats } | undefined {
    const rest = path.split("/").reverse();
    const names: string[] = [];
    let links = 0;
    while (rest.length > 0) {
      const name = rest.pop()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        names.pop();
        continue;
      }
      const at = join(this.#root, ...names, name);
      const stats = lstatSync(at, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      if (!stats.isSymbolicLink()) {
        names.push(name);
        continue;
      }
      if (++links > LINKS_MAX) return undefined;
      const target = readlinkSync(at);
      if (target.startsWith("/")) names.length = 0;
      rest.push(...target.split("/").reverse());
    }
    const at = join(this.#root, ...names);
    const stats = lstatSync(at, { throwIfNoEntry: false });
    return stats === undefined ? undefined : { path: at, stats };
  }
}
