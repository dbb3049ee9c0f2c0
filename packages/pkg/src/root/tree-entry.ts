import { readBlob, type FileEntry } from "@stratos/formats";
import type { RootMeta, RootWriter } from "./root-writer.ts";

/** What an entry of a tree says of its owner, rights and time. */
export function treeEntryMeta(entry: FileEntry): RootMeta {
  return {
    uid: entry.uid,
    gid: entry.gid,
    mode: entry.mode,
    mtime: entry.mtime,
    ...(entry.xattrs.size > 0 ? { xattrs: entry.xattrs } : {}),
  };
}

/** Writes one entry of a tree. */
export function writeTreeEntry(
  writer: Omit<RootWriter, "remove" | "finish">,
  entry: FileEntry,
  meta: RootMeta = treeEntryMeta(entry),
): void {
  const { path, kind } = entry;
  switch (kind) {
    case "directory":
      return writer.directory(path, meta);
    case "file":
      return writer.file(path, meta, readBlob(entry.content!));
    case "symlink":
      return writer.symlink(path, meta, entry.target);
    case "hardLink":
      return writer.hardLink(path, entry.target);
    case "fifo":
      return writer.fifo(path, meta);
    default:
      return writer.device(path, meta, { kind, major: entry.deviceMajor, minor: entry.deviceMinor });
  }
}
