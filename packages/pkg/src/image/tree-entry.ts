import { readBlob, type FileEntry } from "@stratos/formats";
import type { RootMeta, RootWriter } from "./root-writer.ts";

/** Writes one entry of a tree. */
export function writeTreeEntry(writer: RootWriter, entry: FileEntry): void {
  const { path, kind } = entry;
  const meta: RootMeta = { uid: entry.uid, gid: entry.gid, mode: entry.mode, mtime: entry.mtime, ...(entry.xattrs.size > 0 ? { xattrs: entry.xattrs } : {}) };
  switch (kind) {
    case "directory": return writer.directory(path, meta);
    case "file": return writer.file(path, meta, readBlob(entry.content!));
    case "symlink": return writer.symlink(path, meta, entry.target);
    case "hardLink": return writer.hardLink(path, entry.target);
    case "fifo": return writer.fifo(path, meta);
    default: return writer.device(path, meta, { kind, major: entry.deviceMajor, minor: entry.deviceMinor });
  }
}
