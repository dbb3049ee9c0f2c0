/**
 * The audit log: what was done to a volume, kept in the volume, so that changing it afterwards shows (FORMAT.md §11).
 *
 * Records are gathered in blocks of up to 4000 bytes, one or a few for each commit, in the same transaction as the
 * changes that they tell of. Each block holds the SHA-256 of the block before it; the head, a property, holds the hash
 * of the last one and the root of a Merkle tree over all blocks (RFC 9162 §2.1). Whoever writes down the head elsewhere
 * can prove later that everything up to it is unchanged; without that, a change of some block still shows where it is,
 * unless all blocks behind it were forged as well.
 *
 * Bound of memory: records between two commits; beyond PENDING_MAX blocks the volume is asked to commit.
 */
import { ENODATA, EROFS, NAME_MAX } from "@stratos/abi";
import { sha256 } from "@stratos/base";
import { Failure } from "../failure.ts";
import { addOffsets, type FileOffset } from "../file/file-offset.ts";
import type { Volume } from "../volume/volume.ts";
import {
  AUDIT_MIDDLE,
  AUDIT_PROPERTY,
  AUDIT_START_PROPERTY,
  auditRecords,
  BLOCK_HEAD,
  decodeHead,
  emptyHead,
  encodeHead,
  getOffset,
  HASH_SIZE,
  putOffset,
  putPair,
  readAuditBlock,
  RECORD_HEAD,
  sealOf,
} from "./audit-block.ts";
import type { Head } from "./audit-block.ts";
import {
  auditRetention,
  firstToKeep,
  isDue,
  readStart,
  setAuditRetention,
  trim,
  TRIM_BLOCKS_MAX,
} from "./audit-retention.ts";
import type { AuditRetention } from "./audit-retention.ts";
import { addLeaf, isEqual, leafHash, rootOf } from "./merkle.ts";
import { Operation, type VolumeObserver } from "../file/operation.ts";

const BLOCK_MAX = 4000;
const PENDING_MAX = 12;

export class AuditLog implements VolumeObserver {
  readonly #volume: Volume;
  readonly #head: Head;
  /** What stands for the blocks that retention took away. */
  #start: Head;
  #retention: AuditRetention;
  readonly #next: VolumeObserver | null;
  #pending: Uint8Array[] = [];
  #block = new Uint8Array(BLOCK_MAX);
  #view = new DataView(this.#block.buffer);
  #length = BLOCK_HEAD;
  #count = 0;
  // Of the record written last, for writes that continue each other.
  #lastAt = -1;

  private constructor(volume: Volume, head: Head) {
    this.#volume = volume;
    this.#head = head;
    this.#start = readStart(volume);
    this.#retention = auditRetention(volume);
    this.#next = volume.observer;
  }

  /**
   * Goes on with the log of a volume that has one; a mount calls it. @returns false when it has none; throws Failure
   * when its head is damaged
   */
  static attach(volume: Volume): boolean {
    const value = volume.properties.get(AUDIT_PROPERTY);
    if (typeof value === "number") return false;
    const head = decodeHead(value);
    if (head === null) throw new Failure("corrupt-node", -1);
    volume.observer = new AuditLog(volume, head);
    return true;
  }

  /** Begins a log. 0, or a negated errno. */
  static enable(volume: Volume): number {
    if (volume.observer instanceof AuditLog) return 0;
    const failed = volume.properties.set(AUDIT_PROPERTY, encodeHead(emptyHead()));
    if (failed < 0) return failed;
    AuditLog.attach(volume);
    return volume.commit();
  }

  /**
   * Says how long the log remembers, and takes away what is too much. 0, or a negated errno; −ENODATA for a volume
   * without a log.
   */
  static keep(volume: Volume, retention: AuditRetention): number {
    const log = volume.observer;
    if (!(log instanceof AuditLog)) return volume.readOnly ? -EROFS : -ENODATA;
    log.#retention = retention;
    let failed = 0;
    // A commit takes away no more than it can hold.
    for (let removed = TRIM_BLOCKS_MAX; failed === 0 && removed === TRIM_BLOCKS_MAX;) {
      const before = log.#start.blocks;
      // A commit needs something to write: the limits, again.
      failed = setAuditRetention(volume, retention);
      if (failed === 0) failed = volume.commit();
      removed = log.#start.blocks - before;
    }
    return failed;
  }

  get wantsCommit(): boolean {
    return this.#pending.length >= PENDING_MAX;
  }

  changed(
    subvolume: number,
    operation: Operation,
    result: number,
    ino: number,
    name: string,
    other: number,
    otherName: string,
    offset: FileOffset,
    length: FileOffset,
  ): void {
    this.#next?.changed(subvolume, operation, result, ino, name, other, otherName, offset, length);
    if (operation === Operation.write && this.#continues(subvolume, ino, offset, length)) return;
    const nameLength = Math.min(name.length, NAME_MAX);
    const otherLength = Math.min(otherName.length, NAME_MAX);
    const size = RECORD_HEAD + nameLength + otherLength;
    if (this.#length + size > BLOCK_MAX) this.#closeBlock();
    const view = this.#view;
    const at = this.#length;
    const { seconds, nanoseconds } = this.#volume;
    view.setUint8(at, operation);
    view.setUint8(at + 1, nameLength);
    view.setUint8(at + 2, otherLength);
    view.setUint8(at + 3, 0);
    view.setUint32(at + 4, subvolume, true);
    view.setUint32(at + 8, ino, true);
    view.setUint32(at + 12, operation === Operation.create || operation === Operation.symlink ? result : other, true);
    putPair(view, at + 16, seconds);
    view.setUint32(at + 24, nanoseconds, true);
    putOffset(view, at + 28, offset);
    putOffset(view, at + 36, length);
    for (let index = 0; index < nameLength; index++) this.#block[at + RECORD_HEAD + index] = name.charCodeAt(index);
    for (let index = 0; index < otherLength; index++)
      this.#block[at + RECORD_HEAD + nameLength + index] = otherName.charCodeAt(index);
    this.#lastAt = at;
    this.#length += size;
    this.#count++;
  }

  /** A write behind the last one, to the same file, only makes that record longer. */
  #continues(subvolume: number, ino: number, offset: FileOffset, length: FileOffset): boolean {
    const at = this.#lastAt;
    const view = this.#view;
    if (
      at < 0 ||
      view.getUint8(at) !== Operation.write ||
      view.getUint32(at + 4, true) !== subvolume ||
      view.getUint32(at + 8, true) !== ino
    )
      return false;
    const before = getOffset(view, at + 36);
    if (addOffsets(getOffset(view, at + 28), before) !== offset) return false;
    putOffset(view, at + 36, addOffsets(before, length));
    return true;
  }

  #closeBlock(): void {
    if (this.#count === 0) return;
    this.#view.setUint32(HASH_SIZE + 8, this.#count, true);
    this.#pending.push(this.#block.slice(0, this.#length));
    this.#head.records += this.#count;
    this.#length = BLOCK_HEAD;
    this.#count = 0;
    this.#lastAt = -1;
  }

  beforeCommit(): void {
    this.#next?.beforeCommit?.();
    this.#forget();
    this.#closeBlock();
    if (this.#pending.length === 0) return;
    const { tree, generation, properties } = this.#volume;
    const head = this.#head;
    for (const block of this.#pending) {
      block.set(head.last);
      putPair(new DataView(block.buffer), HASH_SIZE, generation);
      const offset = tree.insert(0, AUDIT_MIDDLE, head.blocks, block.length);
      tree.bytes.set(block, offset);
      head.last.set(sha256(block));
      addLeaf(head, leafHash(block));
    }
    this.#pending = [];
    properties.store(AUDIT_PROPERTY, encodeHead(head));
  }

  /** Takes away what is older than the volume is to remember, and tells of it. */
  #forget(): void {
    const volume = this.#volume;
    const { blocks } = this.#head;
    const retention = this.#retention;
    if ((retention.blocks === 0 && retention.seconds === 0) || !isDue(volume, this.#start, blocks, retention)) return;
    const start = trim(volume, this.#start, firstToKeep(volume, this.#start, blocks, retention));
    if (start.blocks === this.#start.blocks) return;
    this.#start = start;
    this.changed(0, Operation.trimAudit, 0, 0, sealOf(start), 0, "", start.blocks, start.records);
  }
}

// ---- Reading -------------------------------------------------------------------------------------------------------

export interface AuditHead {
  readonly blocks: number /** The first block that is still there. */;
  readonly first: number;
  readonly records: number /** Root of the Merkle tree over the blocks. */;
  readonly root: Uint8Array;
}

/** The head as the volume has it; null when it has no log. */
export function auditHead(volume: Volume): AuditHead | null {
  const value = volume.properties.get(AUDIT_PROPERTY);
  const head = typeof value === "number" ? null : decodeHead(value);
  if (head === null) return null;
  const start = volume.properties.get(AUDIT_START_PROPERTY);
  return {
    blocks: head.blocks,
    first: typeof start === "number" ? 0 : (decodeHead(start)?.blocks ?? 0),
    records: head.records,
    root: rootOf(head.peaks),
  };
}

/** What was tampered with: the blocks from `first` to `last`. */
export interface AuditProblem {
  readonly first: number;
  readonly last: number;
  readonly what: string;
}

export interface AuditReport {
  readonly blocks: number /** The first block that is still there: for those before it their start stands. */;
  readonly first: number;
  readonly records: number;
  readonly root: Uint8Array;
  readonly problems: readonly AuditProblem[];
}

/**
 * Checks the whole log: the chain, its head, and heads that were written down earlier.
 *
 * @param known  heads from elsewhere, in any order: the log must begin with what they stand for
 * @returns a negated errno when it cannot be read; null when the volume has none
 */
export function verifyAudit(
  volume: Volume,
  known: readonly { readonly blocks: number; readonly root: Uint8Array }[] = [],
): AuditReport | null | number {
  const value = volume.properties.get(AUDIT_PROPERTY);
  if (typeof value === "number") return null;
  const head = decodeHead(value);
  const problems: AuditProblem[] = [];
  const anchors = [...known].sort((a, b) => a.blocks - b.blocks);
  // Of the blocks that are there: where some are missing, no head will agree.
  const kept = volume.properties.get(AUDIT_START_PROPERTY);
  const start = typeof kept === "number" ? emptyHead() : decodeHead(kept);
  const { blocks: first } = start ?? emptyHead();
  if (start === null) problems.push({ first: 0, last: 0, what: "has a start that cannot be read" });
  const tree = { blocks: first, peaks: [...(start?.peaks ?? [])] };
  let before: Uint8Array = start?.last ?? new Uint8Array(HASH_SIZE);
  let records = start?.records ?? 0;
  let trusted = first;
  let seal = "";
  for (; anchors.length > 0 && anchors[0]!.blocks < first; anchors.shift()) {
    problems.push({
      first: 0,
      last: first - 1,
      what: `is gone by retention: a known head of ${anchors[0]!.blocks} blocks can no longer be proved`,
    });
  }
  const passAnchors = (): void => {
    for (; anchors.length > 0 && anchors[0]!.blocks <= next; anchors.shift()) {
      const anchor = anchors[0]!;
      if (anchor.blocks < next || !isEqual(rootOf(tree.peaks), anchor.root))
        problems.push({
          first: trusted,
          last: Math.max(trusted, anchor.blocks - 1),
          what: "is not what the known head stands for: the log was rewritten",
        });
      trusted = anchor.blocks;
    }
  };
  let next = first;
  passAnchors();
  for (let block = readAuditBlock(volume, first); block !== null; block = readAuditBlock(volume, next)) {
    if (typeof block === "number") return block;
    if (block.number > next) problems.push({ first: next, last: block.number - 1, what: "is missing" });
    else if (!isEqual(block.bytes.subarray(0, HASH_SIZE), before))
      problems.push({
        first: Math.max(0, next - 1),
        last: Math.max(0, next - 1),
        what: "was changed: the block behind it names another hash",
      });
    const told = auditRecords(block);
    if (told === null) problems.push({ first: block.number, last: block.number, what: "makes no sense" });
    records += told?.length ?? 0;
    for (const { operation, name } of told ?? []) if (operation === Operation.trimAudit) seal = name;
    before = sha256(block.bytes);
    next = block.number + 1;
    addLeaf(tree, leafHash(block.bytes));
    passAnchors();
  }
  const end = Math.max(0, next - 1);
  for (const anchor of anchors)
    problems.push({
      first: next,
      last: anchor.blocks - 1,
      what: "is missing: a known head stands for more than there is",
    });
  if (head === null) problems.push({ first: 0, last: end, what: "has no head that can be read" });
  else if (head.blocks !== next)
    problems.push({
      first: Math.min(head.blocks, next),
      last: Math.max(head.blocks, next) - 1,
      what: head.blocks > next ? "is missing at the end" : "was added behind the head",
    });
  else if (!isEqual(head.last, before))
    problems.push({ first: end, last: end, what: "was changed: the head names another hash" });
  else if (head.records !== records || !isEqual(rootOf(head.peaks), rootOf(tree.peaks))) {
    // With a chain that is whole, the blocks were forged with it, or the head was.
    if (problems.length === 0)
      problems.push({
        first: 0,
        last: end,
        what: "does not make the Merkle root of the head: blocks or head were forged",
      });
  }
  // A start that the log does not tell of hides blocks that somebody took away.
  if (start !== null && seal !== (first === 0 ? "" : sealOf(start)))
    problems.push({ first: 0, last: Math.max(0, first - 1), what: "has a start that the log does not tell of" });
  return { blocks: next, first, records, root: rootOf(tree.peaks), problems };
}
