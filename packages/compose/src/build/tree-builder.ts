/**
 * A tree while it is put together. Packages and configuration write into it as into a root (`RootWriter`); scripts'
 * changes are laid over it; at the end it is a sorted tree. Links between names of one file are kept as such, whichever
 * name is written first.
 */
import {
  comparePaths,
  fileEntry,
  FileKind,
  MemoryBlob,
  NO_FILE_XATTRS,
  type Blob,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import type { RootMeta, RootWriter } from "@stratos/pkg";
import type { TreeChanges } from "../ports.ts";

/** A file, whatever its names. */
export interface TreeNode {
  kind: Exclude<FileKind, "hardLink">;
  meta: RootMeta;
  content: Blob | null;
  target: string;
  deviceMajor: number;
  deviceMinor: number;
}

/** Makes content from bytes that belong to somebody else. */
type MakeBlob = (content: Uint8Array) => Blob;

export class TreeBuilder implements RootWriter {
  readonly nodes = new Map<string, TreeNode>();
  /** how the content of files that are written becomes a blob */
  makeBlob: MakeBlob;

  constructor(makeBlob: MakeBlob, base?: FileTree) {
    this.makeBlob = makeBlob;
    for (const entry of base?.entries() ?? []) this.put(entry);
  }

  /** Takes an entry as it is, in place of what has the path. */
  put(entry: FileEntry): void {
    if (entry.kind === "hardLink") {
      const node = this.nodes.get(entry.target);
      if (node === undefined) throw new Error(`${entry.path}: a link to ${entry.target}, which is not there`);
      this.nodes.set(entry.path, node);
      return;
    }
    const { mode, uid, gid, mtime, xattrs } = entry;
    this.nodes.set(entry.path, {
      kind: entry.kind,
      meta: { mode, uid, gid, mtime, xattrs },
      content: entry.content,
      target: entry.target,
      deviceMajor: entry.deviceMajor,
      deviceMinor: entry.deviceMinor,
    });
  }

  directory(path: string, meta: RootMeta): void {
    this.nodes.set(path, node("directory", meta));
  }
  file(path: string, meta: RootMeta, content: Uint8Array): void {
    this.nodes.set(path, { ...node("file", meta), content: this.makeBlob(content) });
  }
  symlink(path: string, meta: RootMeta, target: string): void {
    this.nodes.set(path, { ...node("symlink", meta), target });
  }
  fifo(path: string, meta: RootMeta): void {
    this.nodes.set(path, node("fifo", meta));
  }

  device(path: string, meta: RootMeta, device: { kind: "character" | "block"; major: number; minor: number }): void {
    this.nodes.set(path, { ...node(device.kind, meta), deviceMajor: device.major, deviceMinor: device.minor });
  }

  hardLink(path: string, existing: string): void {
    const found = this.nodes.get(existing);
    if (found === undefined) throw new Error(`${path}: a link to ${existing}, which is not there`);
    this.nodes.set(path, found);
  }

  remove(path: string): void {
    this.nodes.delete(path);
  }
  finish(): void {}

  /** Removes a folder with all that is in it, or what else has the path. */
  removeAll(path: string): void {
    if (this.nodes.get(path)?.kind === "directory")
      for (const inner of [...this.nodes.keys()]) if (inner.startsWith(`${path}/`)) this.nodes.delete(inner);
    this.nodes.delete(path);
  }

  /** Lays what a script has changed over the tree. */
  apply(changes: TreeChanges): void {
    for (const path of changes.removed) this.removeAll(path);
    for (const entry of changes.changed) this.put(entry);
  }

  /**
   * The tree as it is now.
   *
   * @param times.newest  times after it become it, in seconds since 1970
   * @param times.ofFolders  the time of all folders, whose own say when something came or went below them
   */
  build({ newest = Number.POSITIVE_INFINITY, ofFolders }: { newest?: number; ofFolders?: number } = {}): FileTree {
    const paths = [...this.nodes.keys()].sort(comparePaths);
    const first = new Map<TreeNode, string>();
    const entries = paths.map((path): FileEntry => {
      const one = this.nodes.get(path)!;
      const fields = {
        mode: one.meta.mode,
        uid: one.meta.uid,
        gid: one.meta.gid,
        mtime: Math.min(
          one.kind === "directory" && ofFolders !== undefined ? ofFolders : Math.floor(one.meta.mtime),
          newest,
        ),
        xattrs: one.meta.xattrs ?? NO_FILE_XATTRS,
      };
      const known = one.kind === "directory" ? undefined : first.get(one);
      if (known !== undefined) return fileEntry(path, "hardLink", { ...fields, target: known });
      first.set(one, path);
      return fileEntry(path, one.kind, {
        ...fields,
        content: one.content,
        target: one.target,
        deviceMajor: one.deviceMajor,
        deviceMinor: one.deviceMinor,
      });
    });
    return { entries: () => entries };
  }
}

function node(kind: TreeNode["kind"], meta: RootMeta): TreeNode {
  return { kind, meta, content: null, target: "", deviceMajor: 0, deviceMinor: 0 };
}

/** Content that is kept in memory. */
export function memoryBlobs(sha256: (bytes: Uint8Array) => string): MakeBlob {
  return (content) => new MemoryBlob(new Uint8Array(content), sha256);
}
