/** Verifies the superblocks of each device, and has damaged ones written again. */
import { BLOCK_SIZE } from "../format/geometry.ts";
import type { ErrorCounters } from "../format/pool-table.ts";
import { decodeSuperblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "../volume/volume.ts";

/** Returns how many were damaged; two commits then write all of them anew. Throws Failure. */
export function scrubSuperblocks(volume: Volume): number {
  const { store, superblock } = volume;
  const bytes = new Uint8Array(BLOCK_SIZE);
  const found: ErrorCounters[] = [];
  for (const { device, entry } of store.devices) {
    if (device === null || (superblock.table !== null && entry.blocks === 0)) continue;
    for (const [parity, slots] of SUPERBLOCK_SLOTS.entries()) {
      // A volume that was committed once has only one generation.
      if (superblock.generation < 2 && parity !== superblock.generation % 2) continue;
      for (const slot of slots) {
        if (device.read(slot * BLOCK_SIZE, bytes, 0, BLOCK_SIZE) < 0) {
          entry.errors.readErrors++;
          found.push(entry.errors);
          continue;
        }
        const decoded = decodeSuperblock(bytes);
        const generation = typeof decoded === "string" ? -1 : decoded.generation;
        if (generation % 2 === parity && generation <= superblock.generation && generation >= superblock.generation - 2)
          continue;
        entry.errors.corruptBlocks++;
        found.push(entry.errors);
      }
    }
  }
  if (found.length === 0 || volume.readOnly) return found.length;
  for (let round = 0; round < 2; round++) {
    if (volume.begin(Room.settings) < 0) return found.length;
    volume.root.touch();
    if (volume.commit() < 0) return found.length;
  }
  for (const errors of found) errors.repairedBlocks++;
  return found.length;
}
