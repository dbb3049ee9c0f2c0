/**
 * The audit log: what was done to a volume, kept in the volume, so that changing it afterwards shows (FORMAT.md §11).
 *
 * Records are gathered in blocks of up to 4000 bytes, one or a few for each commit, in the same transaction as the changes that they tell of. Each
 * block holds the SHA-256 of the block before it; the head, a property, holds the hash of the last one and the root of a Merkle tree over all blocks (RFC 9162
 * §2.1). Whoever writes down the head elsewhere can prove later that everything up to it is unchanged; without that, a change of
 * some block still shows where it is, unless all blocks behind it were forged as well.
 *
 * Bound of memory: records between two commits; beyond PENDING_MAX blocks the volume is asked to commit.
 */
import { byteString, Sha256, sha256 } from "@stratos/base";
import { Failure } from "../failure.ts";
import { KIND_AUDIT, keyMiddle } from "../format/key.ts";
import type { Volume } from "../volume/volume.ts";
import { Operation, type VolumeObserver } from "./operation.ts";

export const AUDIT_PROPERTY = "audit";
const MIDDLE = keyMiddle(KIND_AUDIT, 0);
const HASH_SIZE = 32;
/** Hash of the block before, generation (pair), number of records. */
const BLOCK_HEAD = HASH_SIZE + 12;
const BLOCK_MAX = 4000;
const RECORD_HEAD = 44;
const NAME_MAX = 255;
const PENDING_MAX = 12;

/** One thing that was done; fields as `VolumeObserver.changed` has them. */
export interface AuditRecord {
  readonly operation: number;
  readonly subvolume: number;
  readonly ino: number;
  readonly other: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly offset: number;
  readonly length: number;
  /** Byte strings, cut at 255. */
  readonly name: string;
  readonly otherName: string;
}

/** The state of the log, as the property keeps it. */
interface Head { blocks: number; records: number; readonly last: Uint8Array; /** Roots of whole subtrees, from the left (the largest) to the right. */ peaks: Uint8Array[] }

export class AuditLog implements VolumeObserver {
  readonly #volume: Volume;
  readonly #head: Head;
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
    this.#next = volume.observer;
  }

  /** Goes on with the log of a volume that has one; a mount calls it. @returns false when it has none; throws Failure when its head is damaged */
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
    const failed = volume.properties.set(AUDIT_PROPERTY, encodeHead({ blocks: 0, records: 0, last: new Uint8Array(HASH_SIZE), peaks: [] }));
    if (failed < 0) return failed;
    AuditLog.attach(volume);
    return volume.commit();
  }

  get wantsCommit(): boolean {
    return this.#pending.length >= PENDING_MAX;
  }

  changed(subvolume: number, operation: Operation, result: number, ino: number, name: string, other: number, otherName: string, offset: number, length: number): void {
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
    putPair(view, at + 28, offset);
    putPair(view, at + 36, length);
    for (let index = 0; index < nameLength; index++) this.#block[at + RECORD_HEAD + index] = name.charCodeAt(index);
    for (let index = 0; index < otherLength; index++) this.#block[at + RECORD_HEAD + nameLength + index] = otherName.charCodeAt(index);
    this.#lastAt = at;
    this.#length += size;
    this.#count++;
  }

  /** A write behind the last one, to the same file, only makes that record longer. */
  #continues(subvolume: number, ino: number, offset: number, length: number): boolean {
    const at = this.#lastAt;
    const view = this.#view;
    if (at < 0 || view.getUint8(at) !== Operation.write || view.getUint32(at + 4, true) !== subvolume || view.getUint32(at + 8, true) !== ino) return false;
    const end = getPair(view, at + 28) + getPair(view, at + 36);
    if (end !== offset) return false;
    putPair(view, at + 36, getPair(view, at + 36) + length);
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
    this.#closeBlock();
    if (this.#pending.length === 0) return;
    const { tree, generation, properties } = this.#volume;
    const head = this.#head;
    for (const block of this.#pending) {
      block.set(head.last);
      putPair(new DataView(block.buffer), HASH_SIZE, generation);
      const offset = tree.insert(0, MIDDLE, head.blocks, block.length);
      tree.bytes.set(block, offset);
      head.last.set(sha256(block));
      addLeaf(head, leafHash(block));
    }
    this.#pending = [];
    properties.store(AUDIT_PROPERTY, encodeHead(head));
  }
}

// ---- The Merkle tree (RFC 9162 §2.1.1) -----------------------------------------------------------------------------

function leafHash(block: Uint8Array): Uint8Array {
  const digest = new Sha256();
  digest.update(Uint8Array.of(0));
  digest.update(block);
  return digest.digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const digest = new Sha256();
  digest.update(Uint8Array.of(1));
  digest.update(left);
  digest.update(right);
  return digest.digest();
}

function addLeaf(head: { blocks: number; peaks: Uint8Array[] }, leaf: Uint8Array): void {
  let hash = leaf;
  // As many subtrees close as there are ones at the end of the count.
  for (let bits = head.blocks; bits % 2 === 1; bits = (bits - 1) / 2) hash = nodeHash(head.peaks.pop()!, hash);
  head.peaks.push(hash);
  head.blocks++;
}

function rootOf(peaks: readonly Uint8Array[]): Uint8Array {
  if (peaks.length === 0) return sha256(new Uint8Array(0));
  let root = peaks.at(-1)!;
  for (let index = peaks.length - 2; index >= 0; index--) root = nodeHash(peaks[index]!, root);
  return root;
}

function encodeHead({ blocks, records, last, peaks }: Head): Uint8Array {
  const bytes = new Uint8Array(12 + HASH_SIZE * (1 + peaks.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, blocks, true);
  putPair(view, 4, records);
  [last, ...peaks].forEach((hash, index) => bytes.set(hash, 12 + index * HASH_SIZE));
  return bytes;
}

function decodeHead(bytes: Uint8Array): Head | null {
  if (bytes.length < 12 + HASH_SIZE || (bytes.length - 12) % HASH_SIZE !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hashes: Uint8Array[] = [];
  for (let at = 12; at < bytes.length; at += HASH_SIZE) hashes.push(bytes.slice(at, at + HASH_SIZE));
  const [last, ...peaks] = hashes;
  return { blocks: view.getUint32(0, true), records: getPair(view, 4), last: last!, peaks };
}

function putPair(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x100000000) >>> 0, true);
}

function getPair(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * 0x100000000;
}

// ---- Reading -------------------------------------------------------------------------------------------------------

export interface AuditHead { readonly blocks: number; readonly records: number; /** Root of the Merkle tree over the blocks. */ readonly root: Uint8Array }

/** The head as the volume has it; null when it has no log. */
export function auditHead(volume: Volume): AuditHead | null {
  const value = volume.properties.get(AUDIT_PROPERTY);
  const head = typeof value === "number" ? null : decodeHead(value);
  return head === null ? null : { blocks: head.blocks, records: head.records, root: rootOf(head.peaks) };
}

export interface AuditBlock { readonly number: number; readonly generation: number; readonly bytes: Uint8Array }

/** The block at or after `number`; null at the end, or a negated errno. */
export function readAuditBlock(volume: Volume, number: number): AuditBlock | null | number {
  const { tree } = volume;
  try {
    if (!tree.ceiling(0, MIDDLE, number) || tree.key(0) !== 0 || tree.key(1) !== MIDDLE) return null;
    const bytes = tree.bytes.slice(tree.offset, tree.offset + tree.length);
    return { number: tree.key(2), generation: bytes.length < BLOCK_HEAD ? 0 : getPair(new DataView(bytes.buffer), HASH_SIZE), bytes };
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}

/** What a block tells; null when its structure is damaged. */
export function auditRecords({ bytes }: AuditBlock): AuditRecord[] | null {
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
      operation: view.getUint8(at), subvolume: view.getUint32(at + 4, true), ino: view.getUint32(at + 8, true), other: view.getUint32(at + 12, true), seconds: getPair(view, at + 16),
      nanoseconds: view.getUint32(at + 24, true), offset: getPair(view, at + 28), length: getPair(view, at + 36), name: byteString(bytes, at + RECORD_HEAD, nameEnd), otherName: byteString(bytes, nameEnd, end),
    });
    at = end;
  }
  return at === bytes.length ? records : null;
}

/** What was tampered with: the blocks from `first` to `last`. */
export interface AuditProblem { readonly first: number; readonly last: number; readonly what: string }

export interface AuditReport { readonly blocks: number; readonly records: number; readonly root: Uint8Array; readonly problems: readonly AuditProblem[] }

/**
 * Checks the whole log: the chain, its head, and heads that were written down earlier.
 *
 * @param known  heads from elsewhere, in any order: the log must begin with what they stand for
 * @returns a negated errno when it cannot be read; null when the volume has none
 */
export function verifyAudit(volume: Volume, known: readonly { readonly blocks: number; readonly root: Uint8Array }[] = []): AuditReport | null | number {
  const value = volume.properties.get(AUDIT_PROPERTY);
  if (typeof value === "number") return null;
  const head = decodeHead(value);
  const problems: AuditProblem[] = [];
  const anchors = [...known].sort((a, b) => a.blocks - b.blocks);
  // Of the blocks that are there: where some are missing, no head will agree.
  const tree = { blocks: 0, peaks: [] as Uint8Array[] };
  let before: Uint8Array = new Uint8Array(HASH_SIZE);
  let records = 0;
  let trusted = 0;
  const passAnchors = (): void => {
    for (; anchors.length > 0 && anchors[0]!.blocks <= next; anchors.shift()) {
      const anchor = anchors[0]!;
      if (anchor.blocks < next || !isEqual(rootOf(tree.peaks), anchor.root)) problems.push({ first: trusted, last: Math.max(trusted, anchor.blocks - 1), what: "is not what the known head stands for: the log was rewritten" });
      trusted = anchor.blocks;
    }
  };
  let next = 0;
  passAnchors();
  for (let block = readAuditBlock(volume, 0); block !== null; block = readAuditBlock(volume, next)) {
    if (typeof block === "number") return block;
    if (block.number > next) problems.push({ first: next, last: block.number - 1, what: "is missing" });
    else if (!isEqual(block.bytes.subarray(0, HASH_SIZE), before)) problems.push({ first: Math.max(0, next - 1), last: Math.max(0, next - 1), what: "was changed: the block behind it names another hash" });
    const told = auditRecords(block);
    if (told === null) problems.push({ first: block.number, last: block.number, what: "makes no sense" });
    records += told?.length ?? 0;
    before = sha256(block.bytes);
    next = block.number + 1;
    addLeaf(tree, leafHash(block.bytes));
    passAnchors();
  }
  const end = Math.max(0, next - 1);
  for (const anchor of anchors) problems.push({ first: next, last: anchor.blocks - 1, what: "is missing: a known head stands for more than there is" });
  if (head === null) problems.push({ first: 0, last: end, what: "has no head that can be read" });
  else if (head.blocks !== next) problems.push({ first: Math.min(head.blocks, next), last: Math.max(head.blocks, next) - 1, what: head.blocks > next ? "is missing at the end" : "was added behind the head" });
  else if (!isEqual(head.last, before)) problems.push({ first: end, last: end, what: "was changed: the head names another hash" });
  else if (head.records !== records || !isEqual(rootOf(head.peaks), rootOf(tree.peaks))) {
    // With a chain that is whole, the blocks were forged with it, or the head was.
    if (problems.length === 0) problems.push({ first: 0, last: end, what: "does not make the Merkle root of the head: blocks or head were forged" });
  }
  return { blocks: next, records, root: rootOf(tree.peaks), problems };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
