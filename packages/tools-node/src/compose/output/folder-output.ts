import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { OutputWriter } from "@stratos/compose";
import { archiveTree, type FileTree } from "@stratos/formats";
import { writeTreeEntry } from "@stratos/pkg";
import { draftOf, removeAtDeath } from "@stratos/host-node/files";
import { setAttributes, type AttributedFile } from "../../outputs/host-attributes.ts";
import { FolderWriter } from "../../packages/folder-writer.ts";

/**
 * A folder of the host. Owners, device nodes and attributes of `security` and `trusted` (capabilities of programs) need
 * root's rights: a folder that another user makes is without them, and its files are that user's. Names of one file
 * stay so, and times are kept, for anybody.
 */
export function folderOutput(folder: string): OutputWriter {
  return {
    format: "folder",
    filename: () => "${name}-${variant}-${architecture}",
    write: async ({ tree, signal }, path) => {
      const target = join(folder, path),
        temporary = draftOf(target);
      const stopGuarding = removeAtDeath(temporary);
      mkdirSync(temporary, { recursive: true });
      try {
        const writer = new FolderWriter(temporary);
        for (const entry of tree.entries()) {
          signal.throwIfAborted();
          writeTreeEntry(writer, entry);
        }
        setAttributes(attributedFiles(tree, temporary));
        writer.finish();
        rmSync(target, { recursive: true, force: true });
        renameSync(temporary, target);
      } catch (error) {
        rmSync(temporary, { recursive: true, force: true });
        throw error;
      } finally {
        stopGuarding();
      }
      // The folder's digest is that of the archive that it would be.
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for (const piece of archiveTree(tree)) {
        hash.update(piece);
        sizeBytes += piece.length;
      }
      return [{ path, sizeBytes, sha256: hash.digest("hex"), mediaType: "inode/directory", isFile: false }];
    },
    // Whoever has a folder may write to it: it is made anew.
    has: async () => false,
  };
}

/** Files with the attributes that this user may set. */
function attributedFiles(tree: FileTree, folder: string): AttributedFile[] {
  const isRoot = process.getuid?.() === 0,
    found: AttributedFile[] = [];
  for (const { path, kind, xattrs } of tree.entries()) {
    const own = isRoot
      ? xattrs
      : new Map([...xattrs].filter(([name]) => name.startsWith("user.") || name.startsWith("system.posix_acl_")));
    if (own.size > 0 && kind !== "hardLink")
      found.push({
        path: Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, "latin1")]),
        xattrs: own,
        isLink: kind === "symlink",
      });
  }
  return found;
}
