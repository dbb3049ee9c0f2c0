/** A name for the content of an image's layers: the same on every computer that has the same image. */
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { BLOCK_SIZE, SUPERBLOCK_SLOTS } from "@stratos/aegisfs";
import { readFully } from "@stratos/host-node/files";

/**
 * The SHA-256 of all superblocks of all layers: each holds the checksum of its volume's root, and every block that of
 * those below it, so other content has other superblocks. It tells images apart that were made; not one that somebody
 * forges, since those checksums have 32 bits.
 *
 * @param layers  files, from the bottom up
 */
export function layerContent(layers: readonly string[]): string {
  const hash = createHash("sha256");
  const block = new Uint8Array(BLOCK_SIZE);
  for (const path of layers) {
    const fd = openSync(path, "r");
    try {
      for (const slot of SUPERBLOCK_SLOTS.flat()) {
        block.fill(0);
        readFully(fd, block, slot * BLOCK_SIZE);
        hash.update(block);
      }
    } finally {
      closeSync(fd);
    }
  }
  return hash.digest("hex");
}
