/** What scripts have changed, from the archive that comes out of their namespace. */
import { createHash } from "node:crypto";
import { ScriptError, type Observations, type TreeChanges } from "@stratos/compose";
import {
  comparePaths,
  fileEntry,
  MemoryBlob,
  TarReader,
  TarType,
  type FileEntry,
  type FileTree,
  type TarEntry,
} from "@stratos/formats";

/** Mounted over within the namespace; what is below is not the tree's. */
const MOUNTED = ["dev", "proc", "sys"];

/** Takes the archive of what is new. */
export class ChangeReader {
  readonly #entries: { entry: TarEntry; content: Uint8Array | null }[] = [];
  #pieces: Buffer[] = [];
  #current: TarEntry | undefined;
  readonly #reader = new TarReader({
    entry: (entry) => {
      this.#current = entry;
      this.#pieces = [];
    },
    data: (bytes) => {
      this.#keep(bytes);
    },
    end: () => {
      this.#entries.push({
        entry: this.#current!,
        content: this.#current!.type === TarType.file ? Buffer.concat(this.#pieces) : null,
      });
    },
  });

  #roomBytes: number | undefined;
  #keptBytes = 0;

  /**
   * @param roomBytes  how much may have been written (default: half of the memory that is left when the script has
   *   ended)
   */
  constructor(roomBytes?: number) {
    this.#roomBytes = roomBytes;
  }

  /** A script that fills its disk, which is memory, is not to fill ours, too. */
  #keep(bytes: Uint8Array): void {
    this.#roomBytes ??= process.availableMemory() / 2;
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > this.#roomBytes)
      throw new ScriptError(
        `what it has written is more than memory holds: over ${Math.floor(this.#roomBytes / 2 ** 20)} MiB`,
      );
    this.#pieces.push(Buffer.from(bytes));
  }

  push(piece: Uint8Array): void {
    const error = this.#reader.push(piece);
    if (error !== undefined) throw new ScriptError(`what has changed cannot be read (tar: ${error})`);
  }

  finish(tree: FileTree, present: readonly string[]): TreeChanges {
    const error = this.#reader.finish();
    if (error !== undefined) throw new ScriptError(`what has changed cannot be read (tar: ${error})`);
    const there = new Set(present.map(relative));
    const removed: string[] = [];
    for (const { path } of tree.entries())
      if (!there.has(path) && !isMounted(path) && !removed.some((one) => path.startsWith(`${one}/`)))
        removed.push(path);
    const changed = this.#entries
      .map(({ entry, content }) => toEntry(entry, content))
      .filter((entry) => !isMounted(entry.path));
    return { removed: removed.filter((path) => !isDeviceOf(tree, path)), changed: orderLinks(changed) };
  }

  /**
   * The archive is an overlay's upper folder: a device 0:0 stands for what was removed, a folder marked as opaque hides
   * the one below. Source: Linux Documentation/filesystems/overlayfs.rst.
   *
   * @returns undefined when a file with several names was changed: an overlay parts the names
   */
  finishUpper(tree: FileTree, observations: Observations | undefined): TreeChanges | undefined {
    const error = this.#reader.finish();
    if (error !== undefined) throw new ScriptError(`what has changed cannot be read (tar: ${error})`);
    const below = new Map<string, FileEntry>();
    for (const entry of tree.entries()) below.set(entry.path, entry);
    const names = otherNames(tree);
    const removed: string[] = [],
      changed: FileEntry[] = [];
    for (const { entry, content } of this.#entries) {
      const path = relative(entry.path),
        old = below.get(path);
      if (isMounted(path)) continue;
      const isGone = entry.type === TarType.characterDevice && entry.deviceMajor === 0 && entry.deviceMinor === 0;
      if (
        entry.type !== TarType.directory &&
        names.has(path) &&
        !(
          isGone && names.get(path)!.every((name) => this.#entries.some((other) => relative(other.entry.path) === name))
        )
      )
        return undefined;
      const isOpaque = entry.xattrs.get(`${OVERLAY_XATTR}opaque`) === "y";
      if (
        old !== undefined &&
        (isGone || isOpaque || (old.kind === "directory") !== (entry.type === TarType.directory))
      )
        removed.push(path);
      if (isGone) continue;
      const own = toEntry(
        { ...entry, xattrs: new Map([...entry.xattrs].filter(([name]) => !name.startsWith(OVERLAY_XATTR))) },
        content,
      );
      // The overlay has copied folders on the way to what was changed; the root is always there.
      if (old?.kind === "directory" && own.kind === "directory" && !isOpaque && isSameFolder(old, own)) continue;
      changed.push(own);
    }
    return { removed, changed: orderLinks(changed), observations };
  }
}

/** Attributes that are the overlay's own. */
const OVERLAY_XATTR = "trusted.overlay.";

/** The other names of files that have several. */
function otherNames(tree: FileTree): Map<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { path, kind, target } of tree.entries()) {
    if (kind !== "hardLink") continue;
    const names = groups.get(target) ?? [target];
    names.push(path);
    groups.set(target, names);
  }
  const others = new Map<string, readonly string[]>();
  for (const names of groups.values()) for (const name of names) others.set(name, names);
  return others;
}

/** Device nodes anywhere were not handed in, so that they are missing says nothing. */
function isDeviceOf(tree: FileTree, path: string): boolean {
  for (const entry of tree.entries())
    if (entry.path === path) return entry.kind === "character" || entry.kind === "block";
  return false;
}

function isSameFolder(left: FileEntry, right: FileEntry): boolean {
  return (
    left.mode === right.mode &&
    left.uid === right.uid &&
    left.gid === right.gid &&
    Math.floor(left.mtime) === right.mtime &&
    left.xattrs.size === right.xattrs.size &&
    [...left.xattrs].every(([name, value]) => right.xattrs.get(name) === value)
  );
}

/** A hard link's file may come behind it in the order of paths; files go first. */
function orderLinks(entries: FileEntry[]): FileEntry[] {
  const sorted = entries.sort((left, right) => comparePaths(left.path, right.path));
  return [...sorted.filter(({ kind }) => kind !== "hardLink"), ...sorted.filter(({ kind }) => kind === "hardLink")];
}

function isMounted(path: string): boolean {
  return MOUNTED.some((name) => path === name || path.startsWith(`${name}/`));
}

function relative(path: string): string {
  return path === "." ? "" : path.replace(/^\.\//, "");
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function toEntry(entry: TarEntry, content: Uint8Array | null): FileEntry {
  const path = relative(entry.path);
  const { mode, uid, gid, mtime, xattrs } = entry;
  const fields = { mode, uid, gid, mtime: Math.floor(mtime), xattrs };
  switch (entry.type) {
    case TarType.file:
      return fileEntry(path, "file", { ...fields, content: new MemoryBlob(content!, sha256) });
    case TarType.directory:
      return fileEntry(path, "directory", fields);
    case TarType.symbolicLink:
      return fileEntry(path, "symlink", { ...fields, target: entry.linkPath });
    case TarType.hardLink:
      return fileEntry(path, "hardLink", { ...fields, target: relative(entry.linkPath) });
    case TarType.fifo:
      return fileEntry(path, "fifo", fields);
    case TarType.characterDevice:
      return fileEntry(path, "character", {
        ...fields,
        deviceMajor: entry.deviceMajor,
        deviceMinor: entry.deviceMinor,
      });
    case TarType.blockDevice:
      return fileEntry(path, "block", { ...fields, deviceMajor: entry.deviceMajor, deviceMinor: entry.deviceMinor });
  }
}
