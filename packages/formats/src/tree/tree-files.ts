/** Files of a file system that is only read here, by way of its tree. */
import { FormatError } from "../format-error.ts";
import type { Blob, FileEntry, FileTree } from "./file-tree.ts";
import type { DiskFile, DiskFiles } from "./disk-files.ts";

const LINKS_MAX = 40;

export class TreeFiles implements DiskFiles {
  readonly type: string;
  readonly label: string;
  readonly tree: FileTree;
  readonly #entries = new Map<string, FileEntry>();
  readonly #names = new Map<string, string[]>();

  constructor(about: { readonly type: string; readonly label: string }, tree: FileTree) {
    this.type = about.type;
    this.label = about.label;
    this.tree = tree;
    for (const entry of tree.entries()) {
      this.#entries.set(entry.path, entry);
      if (entry.path === "") continue;
      const slash = entry.path.lastIndexOf("/"),
        folder = entry.path.slice(0, Math.max(slash, 0)),
        names = this.#names.get(folder);
      if (names === undefined) this.#names.set(folder, [entry.path.slice(slash + 1)]);
      else names.push(entry.path.slice(slash + 1));
    }
  }

  list(path: string): DiskFile[] {
    const folder = this.#resolve(path, true);
    if (folder === undefined) throw new FormatError(`${path}: no such file or directory`);
    if (folder.kind !== "directory") throw new FormatError(`${path}: is no directory`);
    const names = this.#names.get(folder.path) ?? [];
    return names
      .map((name) =>
        this.#describe(name, this.#file(this.#entries.get(folder.path === "" ? name : `${folder.path}/${name}`)!)),
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(path: string): DiskFile | undefined {
    const entry = this.#resolve(path, false);
    return entry === undefined ? undefined : this.#describe(namesOf(path).at(-1) ?? "", entry);
  }

  content(path: string): Pick<Blob, "sizeBytes" | "read"> {
    const entry = this.#resolve(path, true);
    if (entry === undefined) throw new FormatError(`${path}: no such file`);
    if (entry.content === null) throw new FormatError(`${path}: is no file`);
    return entry.content;
  }

  write(path: string): never {
    throw this.#readOnly(path);
  }

  makeDirectory(path: string): never {
    throw this.#readOnly(path);
  }

  remove(path: string): never {
    throw this.#readOnly(path);
  }

  flush(): void {}

  #readOnly(path: string): FormatError {
    return new FormatError(`${path}: files on ${this.type} are read here, not changed`);
  }

  #describe(name: string, { kind, mode, uid, gid, mtime, content, target }: FileEntry): DiskFile {
    const shown = kind as Exclude<typeof kind, "hardLink">;
    return {
      name,
      kind: shown,
      mode,
      uid,
      gid,
      mtime,
      size: content?.sizeBytes ?? (kind === "symlink" ? target.length : 0),
      target: kind === "symlink" ? target : "",
    };
  }

  #file(entry: FileEntry): FileEntry {
    return entry.kind === "hardLink" ? this.#entries.get(entry.target)! : entry;
  }

  #resolve(path: string, followLast: boolean): FileEntry | undefined {
    const pending = namesOf(path).reverse(),
      trail: string[] = [];
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "..") {
        trail.pop();
        continue;
      }
      const entry = this.#entries.get([...trail, name].join("/"));
      if (entry === undefined) return undefined;
      if (entry.kind !== "symlink" || (pending.length === 0 && !followLast)) {
        trail.push(name);
        continue;
      }
      if (++links > LINKS_MAX) throw new FormatError(`${path}: too many levels of symbolic links`);
      if (entry.target.startsWith("/")) trail.length = 0;
      pending.push(...namesOf(entry.target).reverse());
    }
    const found = this.#entries.get(trail.join("/"));
    return found === undefined ? undefined : this.#file(found);
  }
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
