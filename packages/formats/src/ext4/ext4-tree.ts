import type { Codecs } from "../codecs.ts";
import { digestOf } from "../tree/archive-tree.ts";
import { comparePaths, fileEntry, type Blob, type FileEntry, type FileKind, type FileTree } from "../tree/file-tree.ts";
import { FormatError } from "../format-error.ts";
import { deviceOf } from "./ext4-inode.ts";
import type { Ext4Reader } from "./ext4-reader.ts";
import { ROOT_INODE } from "./ext4-superblock.ts";

/**
 * All that it holds, as a tree. Content is read from the disk when it is asked for. Sockets are left out: no output
 * has a form for them.
 */
export function ext4Tree(reader: Ext4Reader, codecs: Pick<Codecs, "sha256">): FileTree {
  const found: FileEntry[] = [];
  const firstNames = new Map<number, string>();
  const visit = (ino: number, path: string, above: ReadonlySet<number>): void => {
    const inode = reader.inode(ino);
    const { kind } = inode;
    if (kind === "socket") return;
    const common = {
      mode: inode.mode & 0o7777,
      uid: inode.uid,
      gid: inode.gid,
      mtime: inode.mtime,
      xattrs: reader.xattrs(inode),
    };
    const first = firstNames.get(ino);
    if (first !== undefined && kind !== "directory") {
      found.push(fileEntry(path, "hardLink", { ...common, target: first }));
      return;
    }
    if (inode.linkCount > 1) firstNames.set(ino, path);
    const device = kind === "character" || kind === "block" ? deviceOf(inode.blockArea) : { major: 0, minor: 0 };
    found.push(
      fileEntry(path, kind as FileKind, {
        ...common,
        target: kind === "symlink" ? reader.target(inode) : "",
        deviceMajor: device.major,
        deviceMinor: device.minor,
        content: kind === "file" ? lazyBlob(reader.content(inode), codecs) : null,
      }),
    );
    if (kind !== "directory") return;
    if (above.has(ino)) throw new FormatError(`${path}: a folder that is inside of itself`);
    const inside = new Set(above).add(ino);
    const prefix = path === "" ? "" : `${path}/`;
    const names = reader
      .entries(inode)
      .filter(({ name }) => prefix !== "" || name !== "lost+found")
      .sort((a, b) => comparePaths(a.name, b.name));
    for (const entry of names) visit(entry.ino, prefix + entry.name, inside);
  };
  visit(ROOT_INODE, "", new Set());
  return { entries: () => found };
}

function lazyBlob(content: Pick<Blob, "sizeBytes" | "read">, codecs: Pick<Codecs, "sha256">): Blob {
  let digest: string | undefined;
  return {
    sizeBytes: content.sizeBytes,
    read: (offset, into) => content.read(offset, into),
    get digest() {
      return (digest ??= digestOf(content, codecs));
    },
  };
}
