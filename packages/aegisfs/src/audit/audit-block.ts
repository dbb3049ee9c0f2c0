/**
 * The blocks of the audit log and their heads, as they stand in the volume (FORMAT.md §11).
 */
import { byteString, sha256 } from "@stratos/base";
import type { FileOffset } from "../file/file-offset.ts";
import { KIND_AUDIT, keyMiddle } from "../format/key.ts";
import type { Volume } from "../volume/volume.ts";
import type { Peaks } from "./merkle.ts";
import { peakCount } from "./merkle.ts";

export const AUDIT_PROPERTY = "audit";
/** What went from the log's beginning: a head of the blocks that are gone (audit-retention.ts). */
export const AUDIT_START_PROPERTY = "audit-start";
export const AUDIT_MIDDLE: number = keyMiddle(KIND_AUDIT, 0);
export const HASH_SIZE = 32;
/** Hash of the block before, generation (pair), number of records. */
export const BLOCK_HEAD: number = HASH_SIZE + 12;
export const RECORD_HEAD = 44;

/** One thing that was done; fields as `VolumeObserver.changed` has them. */
export interface AuditRecord {
  readonly operation: number;
  readonly subvolume: number;
  readonly ino: number;
  readonly other: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly offset: FileOffset;
  readonly length: FileOffset;
  /** Byte strings, cut at 255. */
  readonly name: string;
  readonly otherName: string;
}

/**
 * What stands for the first `blocks` blocks of a log: how many records they hold, the hash of the last one, and the
 * Merkle tree over them.
 */
export interface Head extends Peaks {
  records: number;
  readonly last: Uint8Array;
}

export function emptyHead(): Head {
  return { blocks: 0, records: 0, last: new Uint8Array(HASH_SIZE), peaks: [] };
}

export function copyOfHead({ blocks, records, last, peaks }: Head): Head {
  return { blocks, records, last: last.slice(), peaks: [...peaks] };
}

export function encodeHead({ blocks, records, last, peaks }: Head): Uint8Array {
  const bytes = new Uint8Array(12 + HASH_SIZE * (1 + peaks.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, blocks, true);
  putPair(view, 4, records);
  [last, ...peaks].forEach((hash, index) => bytes.set(hash, 12 + index * HASH_SIZE));
  return bytes;
}

/** Null when it is none. */
export function decodeHead(bytes: Uint8Array): Head | null {
  if (bytes.length < 12 + HASH_SIZE || (bytes.length - 12) % HASH_SIZE !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hashes: Uint8Array[] = [];
  for (let at = 12; at < bytes.length; at += HASH_SIZE) hashes.push(bytes.slice(at, at + HASH_SIZE));
  const [last, ...peaks] = hashes;
  const blocks = view.getUint32(0, true);
  return peaks.length === peakCount(blocks) ? { blocks, records: getPair(view, 4), last: last!, peaks } : null;
}

/** What the log itself says of a start that it was given: the hash of its encoding, as text. */
export function sealOf(start: Head): string {
  return Array.from(sha256(encodeHead(start)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function putPair(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x100000000) >>> 0, true);
}

export function getPair(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * 0x100000000;
}

/** The same for a place in a file, or a length. */
export function putOffset(view: DataView, at: number, offset: FileOffset): void {
  if (typeof offset === "number" && offset < 2 ** 53) putPair(view, at, offset);
  else view.setBigUint64(at, BigInt(offset), true);
}

export function getOffset(view: DataView, at: number): FileOffset {
  return view.getUint32(at + 4, true) < 0x200000 ? getPair(view, at) : view.getBigUint64(at, true);
}

export interface AuditBlock {
  readonly number: number;
  readonly generation: number;
  readonly bytes: Uint8Array;
}

/** The block at or after `number`; null at the end. Throws Failure. */
export function findAuditBlock({ tree }: Volume, number: number): AuditBlock | null {
  if (!tree.ceiling(0, AUDIT_MIDDLE, number) || tree.key(0) !== 0 || tree.key(1) !== AUDIT_MIDDLE) return null;
  const bytes = tree.bytes.slice(tree.offset, tree.offset + tree.length);
  return {
    number: tree.key(2),
    generation: bytes.length < BLOCK_HEAD ? 0 : getPair(new DataView(bytes.buffer), HASH_SIZE),
    bytes,
  };
}

/** The same, or a negated errno. */
export function readAuditBlock(volume: Volume, number: number): AuditBlock | null | number {
  try {
    return findAuditBlock(volume, number);
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}

/** What a block tells; null when its structure is damaged. */
export function auditRecords({ bytes }: { readonly bytes: Uint8Array }): AuditRecord[] | null {
  if (bytes.length < BLOCK_HEAD) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: AuditRecord[] = [];
  let at = BLOCK_HEAD;
  for (let left = view.getUint32(HASH_SIZE + 8, true); left > 0; left--) {
    if (at + RECORD_HEAD > bytes.length) return null;
    const nameEnd = at + RECORD_HEAD + view.getUint8(at + 1);
    const end = nameEnd + view.getUint8(at + 2);
    if (end > bytes.length) return null;
    records.push({
      operation: view.getUint8(at),
      subvolume: view.getUint32(at + 4, true),
      ino: view.getUint32(at + 8, true),
      other: view.getUint32(at + 12, true),
      seconds: getPair(view, at + 16),
      nanoseconds: view.getUint32(at + 24, true),
      offset: getOffset(view, at + 28),
      length: getOffset(view, at + 36),
      name: byteString(bytes, at + RECORD_HEAD, nameEnd),
      otherName: byteString(bytes, nameEnd, end),
    });
    at = end;
  }
  return at === bytes.length ? records : null;
}
