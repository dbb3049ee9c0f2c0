import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { OutputWriter } from "@stratos/compose";
import { archiveTree } from "@stratos/formats";
import { writeTreeEntry } from "@stratos/pkg";
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
          writeTreeEntry(writer, entry);
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
