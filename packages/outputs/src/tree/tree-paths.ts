/** Finds files in a tree as a running system would: symbolic links are followed, within the tree. */
import { byteString, byteStringToUtf8 } from "@stratos/base";
import { readBlob, type FileEntry, type FileTree } from "@stratos/formats";

const LINKS_MAX = 40;

export class TreePaths {
  readonly #entries = new Map<string, FileEntry>();

  constructor(tree: FileTree) {
    for (const entry of tree.entries()) this.#entries.set(entry.path, entry);
  }

  /** What a path leads to, and its real path; undefined when it leads nowhere. */
  resolve(path: string): FileEntry | undefined {
    let links = 0;
    const pending = path
      .split("/")
      .filter((name) => name !== "" && name !== ".")
      .reverse();
    const trail: string[] = [];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "..") {
        trail.pop();
        continue;
      }
      const entry = this.#entries.get([...trail, name].join("/"));
      if (entry === undefined) return undefined;
      if (entry.kind !== "symlink") {
        trail.push(name);
        continue;
      }
      if (++links > LINKS_MAX) return undefined;
      if (entry.target.startsWith("/")) trail.length = 0;
      pending.push(
        ...entry.target
          .split("/")
          .filter((part) => part !== "" && part !== ".")
          .reverse(),
      );
    }
    const found = this.#entries.get(trail.join("/"));
    return found?.kind === "hardLink" ? this.#entries.get(found.target) : found;
  }

  /** Content of the file that a path leads to. */
  bytes(path: string): Uint8Array | undefined {
    const content = this.resolve(path)?.content;
    return content === null || content === undefined ? undefined : readBlob(content);
  }

  text(path: string): string | undefined {
    const bytes = this.bytes(path);
    return bytes === undefined ? undefined : byteStringToUtf8(byteString(bytes));
  }

  /** Names in a real folder, in order. */
  names(path: string): string[] {
    const prefix = `${path}/`;
    const found: string[] = [];
    for (const key of this.#entries.keys())
      if (key.startsWith(prefix) && !key.includes("/", prefix.length)) found.push(key.slice(prefix.length));
    return found.sort();
  }

  /** The first of some paths that leads to a file. */
  firstFile(paths: readonly string[]): string | undefined {
    return paths.find((path) => this.resolve(path)?.kind === "file");
  }
}
