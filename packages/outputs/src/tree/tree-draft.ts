/**
 * A file tree that is being changed: entries by path, kept whole (no entry without its folder, no link without its
 * file).
 */
import { byteString, utf8ToByteString, utf8Of } from "@stratos/base";
import {
  comparePaths,
  fileEntry,
  FormatError,
  MemoryBlob,
  sha256Of,
  type Codecs,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";

export class TreeDraft {
  readonly #entries = new Map<string, FileEntry>();
  readonly #codecs: Pick<Codecs, "sha256">;
  /** for what the draft adds, in seconds since 1970 */
  readonly mtime: number;

  constructor(tree: FileTree | null, codecs: Pick<Codecs, "sha256">, mtime: number) {
    this.#codecs = codecs;
    this.mtime = mtime;
    for (const entry of tree?.entries() ?? []) this.#entries.set(entry.path, entry);
    if (!this.#entries.has("")) this.#entries.set("", fileEntry("", "directory", { mtime }));
  }

  get(path: string): FileEntry | undefined {
    return this.#entries.get(path);
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Paths directly in a folder, in order. */
  children(path: string): string[] {
    const prefix = path === "" ? "" : `${path}/`;
    return [...this.#entries.keys()]
      .filter((key) => key !== "" && key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
      .sort(comparePaths);
  }

  /** All entries below a folder, with it. */
  below(path: string): FileEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.path === path || path === "" || entry.path.startsWith(`${path}/`))
      .sort((a, b) => comparePaths(a.path, b.path));
  }

  /** Puts an entry in the place of what has its path, with the folders above it. */
  put(entry: FileEntry): void {
    const parent = entry.path.slice(0, Math.max(entry.path.lastIndexOf("/"), 0));
    if (entry.path !== "" && this.#entries.get(parent)?.kind !== "directory") this.directory(parent);
    this.#entries.set(entry.path, entry);
  }

  directory(path: string, fields: Partial<FileEntry> = {}): void {
    if (this.#entries.get(path)?.kind === "directory" && Object.keys(fields).length === 0) return;
    this.put(fileEntry(path, "directory", { mtime: this.mtime, ...fields }));
  }

  /** @param content  bytes, or Unicode text */
  file(path: string, content: Uint8Array | string, fields: Partial<FileEntry> = {}): void {
    const bytes = typeof content === "string" ? utf8Of(content) : content;
    this.put(
      fileEntry(path, "file", {
        mtime: this.mtime,
        content: new MemoryBlob(bytes, (all) => sha256Of(this.#codecs, all)),
        ...fields,
      }),
    );
  }

  symlink(path: string, target: string): void {
    this.remove(path);
    this.put(fileEntry(path, "symlink", { mtime: this.mtime, target: utf8ToByteString(target) }));
  }

  /** Removes an entry and all below it. A file that still has another name keeps its content there. */
  remove(path: string): void {
    for (const entry of this.below(path)) {
      if (entry.path === "") continue;
      if (entry.kind === "file") this.#handOn(entry, path);
      this.#entries.delete(entry.path);
    }
  }

  /** Moves a folder or file, with all below it, to a path where nothing is. */
  move(from: string, to: string): void {
    const moved = this.below(from);
    if (moved.length === 0) throw new FormatError(`${from}: is not there`);
    for (const { path } of moved) this.#entries.delete(path);
    const renamed = (path: string): string =>
      path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
    for (const entry of moved)
      this.put({
        ...entry,
        path: renamed(entry.path),
        target: entry.kind === "hardLink" ? renamed(entry.target) : entry.target,
      });
    for (const entry of this.#entries.values())
      if (entry.kind === "hardLink" && renamed(entry.target) !== entry.target)
        this.#entries.set(entry.path, { ...entry, target: renamed(entry.target) });
  }

  /** The text of a file; undefined when there is none. */
  text(path: string): string | undefined {
    const content = this.#entries.get(path)?.content;
    if (content === null || content === undefined) return undefined;
    const bytes = new Uint8Array(content.sizeBytes);
    content.read(0, bytes);
    return byteString(bytes);
  }

  /** The tree as it is now. Hard links are put behind their files, whatever was moved. */
  tree(): FileTree {
    const groups = new Map<string, string[]>();
    for (const entry of this.#entries.values())
      if (entry.kind === "hardLink") groups.set(entry.target, [...(groups.get(entry.target) ?? []), entry.path]);
    const entries = new Map(this.#entries);
    for (const [target, links] of groups) {
      const file = this.#entries.get(target);
      if (file === undefined || file.kind === "directory")
        throw new FormatError(`${links[0]!}: a hard link to ${target}, which is not there`);
      const [first, ...others] = [target, ...links].sort(comparePaths);
      entries.set(first!, { ...file, path: first! });
      for (const path of others) entries.set(path, { ...file, path, kind: "hardLink", content: null, target: first! });
    }
    const sorted = [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
    return { entries: () => sorted };
  }

  #handOn(file: FileEntry, removed: string): void {
    const heirs = [...this.#entries.values()].filter(
      (entry) =>
        entry.kind === "hardLink" &&
        entry.target === file.path &&
        entry.path !== removed &&
        !entry.path.startsWith(`${removed}/`),
    );
    const [heir, ...others] = heirs;
    if (heir === undefined) return;
    this.#entries.set(heir.path, { ...file, path: heir.path });
    for (const other of others) this.#entries.set(other.path, { ...other, target: heir.path });
  }
}
