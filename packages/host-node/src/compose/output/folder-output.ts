import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { OutputWriter } from "@stratos/compose";
import { archiveTree, readBlob, type FileEntry } from "@stratos/formats";
import type { RootMeta } from "@stratos/pkg";
import { FolderWriter } from "../../packages/folder-writer.ts";

/** A folder of the host. Owners and device nodes need root's rights. */
export function folderOutput(folder: string): OutputWriter {
  return {
    format: "folder",
    filename: () => "${name}-${variant}-${architecture}",
    write: async ({ tree, signal }, path) => {
      const target = join(folder, path), temporary = `${target}.part.${process.pid}`;
      mkdirSync(temporary, { recursive: true });
      try {
        const writer = new FolderWriter(temporary);
        for (const entry of tree.entries()) {
          signal.throwIfAborted();
          put(writer, entry);
        }
        writer.finish();
        rmSync(target, { recursive: true, force: true });
        renameSync(temporary, target);
      } catch (error) {
        rmSync(temporary, { recursive: true, force: true });
        throw error;
      }
      // The folder's digest is that of the archive that it would be.
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for (const piece of archiveTree(tree)) { hash.update(piece); sizeBytes += piece.length; }
      return [{ path, sizeBytes, sha256: hash.digest("hex"), mediaType: "inode/directory", isFile: false }];
    },
    // Whoever has a folder may write to it: it is made anew.
    has: async () => false,
  };
}

function put(writer: FolderWriter, entry: FileEntry): void {
  const { path, kind } = entry;
  const meta: RootMeta = { uid: entry.uid, gid: entry.gid, mode: entry.mode, mtime: entry.mtime };
  switch (kind) {
    case "directory": return writer.directory(path, meta);
    case "file": return writer.file(path, meta, readBlob(entry.content!));
    case "symlink": return writer.symlink(path, meta, entry.target);
    case "hardLink": return writer.hardLink(path, entry.target);
    case "fifo": return writer.fifo(path, meta);
    default: return writer.device(path, meta, { kind, major: entry.deviceMajor, minor: entry.deviceMinor });
  }
}
