/** A tree as the archive that a root is unpacked from, in another process. */
import type { Writable } from "node:stream";
import { archiveTree, type FileTree } from "@stratos/formats";

/** Device nodes stay outside: a user namespace cannot make them, and scripts get the host's. */
export function withoutDevices(tree: FileTree): FileTree {
  return {
    *entries() {
      for (const entry of tree.entries())
        if (!entry.path.startsWith("dev/") && entry.kind !== "character" && entry.kind !== "block") yield entry;
    },
  };
}

/** Writes the archive of a tree, and ends the stream. */
export async function feedArchive(stream: Writable, tree: FileTree): Promise<void> {
  // A script that has ended early has broken the pipe; its status says why.
  let isBroken = false;
  stream.on("error", () => {
    isBroken = true;
  });
  for (const piece of archiveTree(tree)) {
    if (isBroken) break;
    // The archive's buffer is used again, so each piece must have left before the next is asked for.
    await new Promise<void>((resolve) => void stream.write(piece, () => resolve()));
  }
  stream.end();
}
