/**
 * Making a transaction durable, in the order that the head of volume.ts tells of, and what the next mount makes of the
 * log behind it.
 */
import { assert } from "@stratos/base";
import { Failure } from "../failure.ts";
import { pinContent, replayLog } from "../log/replay.ts";
import type { TreeNode } from "../store/node-cache.ts";
import { writeNodes } from "../store/write-nodes.ts";
import { findRootCopy, freeRootCopy, keepRootCopy, writeRootCopy } from "./root-copy.ts";
import type { Volume } from "./volume.ts";

/** Blocks of the intent log: a share of the volume within bounds. */
const LOG_SHARE = 256;
const LOG_BLOCKS_MIN = 8;
const LOG_BLOCKS_MAX = 1024;

interface CommitOptions {
  /** The generation gets an intent log, where there is room for one. */
  readonly hasLog: boolean;
  /** Nothing is to last: nothing is flushed. */
  readonly isVolatile: boolean;
}

/** Throws Failure; the volume has failed then. */
export function writeCommit(volume: Volume, { hasLog, isVolatile }: CommitOptions): void {
  const { cache, log, references, space, store, superblock, tree } = volume;
  const flush = (): void => {
    if (!isVolatile) store.flush();
  };
  if (volume.heat?.isDue(volume.seconds) === true) volume.heat.settle(volume);
  volume.settle();
  const nodes: TreeNode[] = [];
  volume.eachLoaded((subvolume) => {
    subvolume.tree.seal(nodes);
    subvolume.store();
  });
  volume.observer?.beforeCommit?.();
  space.store();
  tree.seal(nodes);
  writeRootCopy(volume, hasLog);
  writeNodes(store, nodes);
  flush();

  superblock.generation++;
  superblock.root.set(tree.root);
  superblock.freeBlocks = space.freeBlocks;
  superblock.freeQuads = space.freeQuads;
  superblock.references = references.records;
  placeLog(volume, hasLog);
  if (log.carried.length > 0) {
    // Where there is no room for it, it is kept in memory alone.
    if (!log.carry(superblock.logStart, superblock.logBlocks)) superblock.logBlocks = 0;
    flush();
  }
  store.writeSuperblock(superblock);
  flush();

  for (const node of nodes) cache.clean(node);
  assert(cache.dirtyCount === 0, "a commit writes every dirty node");
  freeRootCopy(volume);
  space.committed();
  keepRootCopy(volume);
  space.pin(superblock.logStart, superblock.logBlocks);
  pinContent(volume, log.carried);
  log.restart(superblock.logStart, superblock.logBlocks);
}

/** Finds a place for the log of the generation that is being committed: free blocks, which stay so. */
function placeLog({ log, space, store, superblock }: Volume, hasLog: boolean): void {
  space.leaveLog(log.start, log.blocks);
  const blocks = Math.max(LOG_BLOCKS_MIN, Math.min(LOG_BLOCKS_MAX, Math.floor(store.layout.blocks / LOG_SHARE)));
  // Where space runs short, files need it more.
  const want = Math.min(blocks, Math.floor(space.availableBlocks / 16));
  const length = hasLog && want >= LOG_BLOCKS_MIN ? space.findFree(want, LOG_BLOCKS_MIN) : 0;
  superblock.logStart = length > 0 ? space.runStart : 0;
  superblock.logBlocks = length;
}

/** Brings back what was synced after the last commit. Throws Failure. */
export function recoverFromLog(volume: Volume, hasLog: boolean): void {
  const { log, space, superblock } = volume;
  if (!volume.readOnly) findRootCopy(volume);
  if (superblock.logBlocks === 0) return;
  if (!space.isFree(superblock.logStart, superblock.logBlocks)) throw new Failure("corrupt-node", superblock.logStart);
  space.pin(superblock.logStart, superblock.logBlocks);
  if (replayLog(volume) > 0) volume.settle();
  else if (hasLog) log.restart(superblock.logStart, superblock.logBlocks);
}
