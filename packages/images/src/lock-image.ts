/** Who changes an image has its name alone for as long as that takes: of two the later would undo the other's work. */
import { join } from "node:path";
import { FileLockedError, homeFolder, lockFile } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import { LOCK_PREFIX, requireImage } from "./image-store.ts";

/** @throws FileLockedError */
export function lockImage(home: string, name: string): () => void {
  requireImage(name);
  return lockFile(join(homeFolder(home, "images"), `${LOCK_PREFIX}${name}`));
}

/** Nobody else changes the image of that name meanwhile. @throws OperationError of kind in-use */
export function lockForChange(home: string, name: string): () => void {
  try {
    return lockImage(home, name);
  } catch (error) {
    if (error instanceof FileLockedError)
      throw new OperationError(
        "in-use",
        name,
        `is being built or changed already, by process ${error.owner}; try again when that is done`,
      );
    throw error;
  }
}
