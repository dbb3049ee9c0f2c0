/**
 * How long the audit log remembers. What is older than the volume's owner wants, or more than fits, goes from the
 * beginning of the log, block by block, within the commits that write new ones. In its place stays a *start*: a head of
 * the blocks that are gone, with which the rest proves what it did before, and every later head. The log tells of each
 * start by its hash, so that nobody can put another one there and call it retention.
 *
 * Bound: a commit removes TRIM_BLOCKS_MAX blocks at most, more than it adds.
 */
import { sha256 } from "@stratos/base";
import { Failure } from "../failure.ts";
import type { Volume } from "../volume/volume.ts";
import {
  AUDIT_MIDDLE,
  AUDIT_START_PROPERTY,
  auditRecords,
  BLOCK_HEAD,
  copyOfHead,
  decodeHead,
  emptyHead,
  encodeHead,
  findAuditBlock,
  getPair,
  HASH_SIZE,
  putPair,
} from "./audit-block.ts";
import type { Head } from "./audit-block.ts";
import { addLeaf, leafHash } from "./merkle.ts";

const RETENTION_PROPERTY = "audit-retention";
export const TRIM_BLOCKS_MAX = 32;
/** A log that is too long by less than one part in this is left alone: each start takes a record and a property. */
const SLACK = 8;

/** 0: without that limit. */
export interface AuditRetention {
  readonly blocks: number;
  readonly seconds: number;
}

export function auditRetention(volume: Volume): AuditRetention {
  const value = volume.properties.get(RETENTION_PROPERTY);
  if (typeof value === "number" || value.length !== 12) return { blocks: 0, seconds: 0 };
  const view = new DataView(value.buffer, value.byteOffset, 12);
  return { blocks: view.getUint32(0, true), seconds: getPair(view, 4) };
}

/** Kept from the next commits on, which take away what is too much. 0, or a negated errno. */
export function setAuditRetention(volume: Volume, { blocks, seconds }: AuditRetention): number {
  const value = new Uint8Array(12);
  const view = new DataView(value.buffer);
  view.setUint32(0, blocks, true);
  putPair(view, 4, seconds);
  return volume.properties.set(RETENTION_PROPERTY, value);
}

/** What stands for the blocks that went; of no blocks when none did. Throws Failure when it is damaged. */
export function readStart(volume: Volume): Head {
  const value = volume.properties.get(AUDIT_START_PROPERTY);
  const start = typeof value === "number" ? emptyHead() : decodeHead(value);
  if (start === null) throw new Failure("corrupt-node", -1);
  return start;
}

/** The first block that is to stay. Throws Failure. */
export function firstToKeep(volume: Volume, start: Head, end: number, retention: AuditRetention): number {
  let first = start.blocks;
  // The last block always stays.
  if (retention.blocks > 0 && end - start.blocks > retention.blocks)
    first = Math.max(first, end - Math.max(1, retention.blocks));
  if (retention.seconds > 0) {
    const oldest = volume.seconds - retention.seconds;
    for (; first < end - 1; first++) {
      const block = findAuditBlock(volume, first);
      const last = block === null ? undefined : auditRecords(block)?.at(-1);
      if (last === undefined || last.seconds >= oldest) break;
    }
  }
  return first;
}

/** Should the next commit take something away? */
export function isDue(volume: Volume, start: Head, end: number, retention: AuditRetention): boolean {
  const kept = end - start.blocks;
  if (retention.blocks > 0 && kept > retention.blocks + Math.floor(retention.blocks / SLACK)) return true;
  if (retention.seconds === 0 || kept < 2) return false;
  const block = findAuditBlock(volume, start.blocks);
  const last = block === null ? undefined : auditRecords(block)?.at(-1);
  return (
    last !== undefined && last.seconds < volume.seconds - retention.seconds - Math.floor(retention.seconds / SLACK)
  );
}

/** Takes blocks away up to `first`, some of them, inside of a transaction. Returns the new start. Throws Failure. */
export function trim(volume: Volume, start: Head, first: number): Head {
  const next = copyOfHead(start);
  for (let removed = 0; removed < TRIM_BLOCKS_MAX && next.blocks < first; removed++) {
    const block = findAuditBlock(volume, next.blocks);
    // What is missing, or does not follow, is for `verify` to tell: a start that hides it must not be made.
    if (
      block === null ||
      block.number !== next.blocks ||
      block.bytes.length < BLOCK_HEAD ||
      next.last.some((byte, index) => byte !== block.bytes[index])
    )
      break;
    next.records += new DataView(block.bytes.buffer, block.bytes.byteOffset).getUint32(HASH_SIZE + 8, true);
    next.last.set(sha256(block.bytes));
    addLeaf(next, leafHash(block.bytes));
    volume.tree.remove(0, AUDIT_MIDDLE, block.number);
  }
  if (next.blocks > start.blocks) volume.properties.store(AUDIT_START_PROPERTY, encodeHead(next));
  return next;
}
