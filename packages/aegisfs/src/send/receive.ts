/**
 * Receiving what `send.ts` sends: a new snapshot whose files, inode numbers and times are those of the source.
 *
 * Nothing in a stream is trusted. Each record carries a checksum and is checked before it is applied; the end carries a
 * digest of all; then the whole new subvolume is checked as files (check-subvolume.ts), and only then it becomes a
 * snapshot. Until then it is marked incomplete. At marks in the stream the work so far is committed together with the
 * key where the next transfer goes on.
 *
 * A transfer that breaks behind a mark stays, to be gone on with from there. One that is refused, or that breaks before
 * the first mark, leaves nothing.
 */
import { ENODATA, ENOENT, S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import { Sha256, type Digest } from "@stratos/base";
import { checkSubvolume } from "../check/check-subvolume.ts";
import { Failure } from "../failure.ts";
import { findFile, putInline, writePages } from "../file/data.ts";
import { findEntry, insertEntry, redirectEntry, removeEntry } from "../file/directory.ts";
import { changeBlocks, releaseExtents } from "../file/extents.ts";
import { preallocateBlocks } from "../file/holes.ts";
import { changeInode, initializeInode, loadInode, removeInode } from "../file/inode.ts";
import { remove as removeXattr, set as setXattr } from "../file/xattrs.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX } from "../format/geometry.ts";
import { INODE_AT_BLOCKS, INODE_AT_BYTES, INODE_AT_MODE, INODE_SIZE, ROOT_INO } from "../format/inode-item.ts";
import { KIND_INLINE, keyMiddle } from "../format/key.ts";
import { SUBVOLUME_INCOMPLETE, SUBVOLUME_READ_ONLY } from "../format/subvolume-item.ts";
import type { Key } from "../snapshot/compare-trees.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "../volume/volume.ts";
import {
  HEAD_SIZE,
  PAYLOAD_MAX,
  PayloadReader,
  readIdentity,
  recordChecksum,
  RecordType,
  RecordWriter,
  sameIdentity,
  StreamError,
  STREAM_MAGIC,
  writeIdentity,
  type SnapshotIdentity,
} from "./stream-record.ts";

const CHECKPOINT_BYTES = 32 << 20;
const INODE_WORDS = INODE_SIZE / 4;
const INLINE_MIDDLE = keyMiddle(KIND_INLINE, 0);
/** Properties of the volume: `received/ID` says of which snapshot ID is a copy, `receiving/ID` where to go on. */
const RECEIVED = "received/";
const RECEIVING = "receiving/";

/** A transfer that was not finished. */
export interface PartialTransfer {
  readonly subvolume: number;
  readonly source: SnapshotIdentity;
  readonly parent: SnapshotIdentity | null;
  readonly from: Key;
}

/** Transfers that wait to be gone on with. */
export function partialTransfers(volume: Volume): PartialTransfer[] {
  const names = volume.properties.names();
  if (typeof names === "number") return [];
  const found: PartialTransfer[] = [];
  for (const name of names.filter((one) => one.startsWith(RECEIVING))) {
    const subvolume = Number(name.slice(RECEIVING.length));
    const value = volume.properties.get(name);
    if (typeof value === "number" || volume.subvolume(subvolume) === null) continue;
    try {
      const payload = new PayloadReader(value);
      const source = readIdentity(payload);
      const parent = readIdentity(payload);
      found.push({
        subvolume,
        source,
        parent: parent.id === 0 ? null : parent,
        from: [payload.word(), payload.word(), payload.word()],
      });
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
    }
  }
  return found;
}

/** Takes back what an unfinished transfer left. 0, or a negated errno. */
export function discardTransfer(volume: Volume, subvolume: number): number {
  const removed = volume.properties.remove(`${RECEIVING}${subvolume}`);
  const deleted = volume.subvolume(subvolume) === null ? 0 : volume.deleteSubvolume(subvolume);
  return deleted < 0 ? deleted : removed === -ENODATA || removed === -ENOENT ? 0 : removed;
}

/**
 * A subvolume is durable from when it is made, what is remembered of its transfer only with the next commit: of one
 * that was killed in between nothing says where to go on.
 */
function discardForgotten(volume: Volume): void {
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume?.isIncomplete !== true) continue;
    if (volume.properties.get(`${RECEIVING}${id}`) === -ENODATA) discardTransfer(volume, id);
  }
}

/** The snapshot of this volume that is a copy of `identity`, or is it itself; null when there is none. */
export function findReceived(volume: Volume, identity: SnapshotIdentity): Subvolume | null {
  const own = volume.subvolume(identity.id);
  const { uuid } = volume.superblock;
  if (
    own !== null &&
    sameIdentity(identity, {
      uuid: new Uint8Array(uuid.buffer, uuid.byteOffset, 16),
      id: own.id,
      generation: own.generation,
    })
  )
    return own;
  const names = volume.properties.names();
  if (typeof names === "number") return null;
  for (const name of names.filter((one) => one.startsWith(RECEIVED))) {
    const value = volume.properties.get(name);
    const subvolume = volume.subvolume(Number(name.slice(RECEIVED.length)));
    if (typeof value === "number" || value.length !== IDENTITY_SIZE || subvolume === null) continue;
    if (sameIdentity(identity, readIdentity(new PayloadReader(value)))) return subvolume;
  }
  return null;
}

const IDENTITY_SIZE = 28;

export interface ReceiveOptions {
  /** Name of the new snapshot; default: its name at the source. */
  readonly name?: string;
  readonly digest?: Digest;
  /** Work that a broken transfer may have to repeat; default 32 MiB. */
  readonly checkpointBytes?: number;
}

export class ReceiveStream {
  readonly #volume: Volume;
  readonly #options: ReceiveOptions;
  readonly #digest: Digest;
  #waiting = new Uint8Array(0);
  #subvolume: Subvolume | null = null;
  #source!: SnapshotIdentity;
  #parent: SnapshotIdentity | null = null;
  #nextIno = 0;
  #records = 0;
  #sinceCommit = 0;
  #isOver = false;
  /** Where another transfer may go on, once there was a mark. */
  #lastMark: Key | null = null;
  /** Why the stream was refused: nothing more of it is taken. */
  #refusal: string | number | null = null;
  /** The inode that is being filled, and what its item is to be in the end. */
  #ino = 0;
  readonly #inode = new Uint32Array(INODE_WORDS);
  #hasInode = false;
  /** Bytes of files that were stored. */
  dataBytes = 0;

  constructor(volume: Volume, options: ReceiveOptions = {}) {
    this.#volume = volume;
    this.#options = options;
    this.#digest = options.digest ?? new Sha256();
  }

  /** The new snapshot, once its stream has ended. */
  get received(): Subvolume | null {
    return this.#isOver ? this.#subvolume : null;
  }

  /** Takes the next bytes. @returns why the stream is refused, a negated errno, or null */
  push(bytes: Uint8Array): string | number | null {
    if (this.#refusal !== null) return this.#refusal;
    try {
      let all = bytes;
      if (this.#waiting.length > 0) {
        all = new Uint8Array(this.#waiting.length + bytes.length);
        all.set(this.#waiting);
        all.set(bytes, this.#waiting.length);
      }
      let at = 0;
      for (let size = recordSize(all, at); size > 0 && at + size <= all.length; size = recordSize(all, at)) {
        this.#take(all.subarray(at, at + size));
        at += size;
      }
      this.#waiting = all.slice(at);
      return null;
    } catch (thrown) {
      return this.#refuse(thrown);
    }
  }

  /** The stream is over. What is incomplete stays when another transfer can go on with it. */
  finish(): string | number | null {
    if (this.#isOver || this.#refusal !== null) return this.#refusal;
    try {
      const isKept = this.#breakOff(true);
      this.#refusal =
        "the stream ends before its end: " + `${isKept ? "the transfer can be resumed" : "nothing of it was kept"}`;
    } catch (thrown) {
      this.#refuse(thrown);
    }
    return this.#refusal;
  }

  #refuse(thrown: unknown): string | number {
    if (!(thrown instanceof StreamError)) return (this.#refusal = this.#volume.abort(thrown));
    this.#refusal = thrown.what;
    try {
      this.#breakOff(thrown.canGoOn);
    } catch (again) {
      if (!(again instanceof StreamError)) this.#volume.abort(again);
    }
    return this.#refusal;
  }

  /**
   * Ends the transfer: keeps what there is, with the place where another one may go on, or takes it back. @returns
   * whether something was kept
   */
  #breakOff(canGoOn: boolean): boolean {
    const volume = this.#volume;
    const subvolume = this.#subvolume;
    if (subvolume === null || this.#isOver || volume.failure !== null) return false;
    if (!canGoOn || this.#lastMark === null) {
      discardTransfer(volume, subvolume.id);
      return false;
    }
    if (volume.begin(Room.grows) === 0) {
      try {
        this.#leaveInode();
      } finally {
        volume.end();
      }
    }
    this.#remember(RECEIVING, this.#lastMark);
    this.#commit();
    return true;
  }

  #take(record: Uint8Array): void {
    if (this.#isOver) throw new StreamError("there is more behind the end");
    const head = new DataView(record.buffer, record.byteOffset, HEAD_SIZE);
    if (recordChecksum(record) !== head.getUint32(8, true))
      throw new StreamError("a record is damaged (checksum)", true);
    const type = head.getUint32(4, true);
    this.#records++;
    const payload = new PayloadReader(record.subarray(HEAD_SIZE));
    if (type === RecordType.end) {
      this.#end(payload);
      return;
    }
    this.#digest.update(record);
    if (type === RecordType.begin) this.#begin(payload);
    else if (this.#subvolume === null) throw new StreamError("this is no stream of an AegisFS snapshot");
    else if (type === RecordType.mark) this.#mark([payload.word(), payload.word(), payload.word()]);
    else {
      const volume = this.#volume;
      const failed = volume.begin(Room.grows, Math.ceil(record.length / BLOCK_SIZE));
      if (failed < 0) throw new StreamError(`there is no space for it (errno ${-failed})`, true);
      try {
        this.#apply(type, payload, this.#subvolume);
      } finally {
        volume.end();
      }
      this.#sinceCommit += record.length;
    }
  }

  #begin(payload: PayloadReader): void {
    if (this.#subvolume !== null) throw new StreamError("it begins twice");
    for (const char of STREAM_MAGIC)
      if (payload.bytes(1)[0] !== char.charCodeAt(0)) throw new StreamError("this is no stream of an AegisFS snapshot");
    this.#source = readIdentity(payload);
    const parent = readIdentity(payload);
    this.#parent = parent.id === 0 ? null : parent;
    const from: Key = [payload.word(), payload.word(), payload.word()];
    this.#nextIno = payload.word();
    payload.pair(); // When it was taken: the copy has a time of its own.
    const name = this.#options.name ?? payload.text(255);
    if (name.length === 0 || name.length > 255 || name.includes("/"))
      throw new StreamError("the snapshot's name is not one");
    discardForgotten(this.#volume);
    const started = partialTransfers(this.#volume).find((transfer) => sameIdentity(transfer.source, this.#source));
    if (from.some((word) => word !== 0)) {
      if (started === undefined) throw new StreamError("it goes on with a transfer that this volume does not know");
      if (started.from.some((word, index) => word !== from[index]))
        throw new StreamError("it goes on at another place than where the transfer ended");
      this.#subvolume = this.#volume.subvolume(started.subvolume);
      this.#lastMark = from;
      return;
    }
    // One that never came to a mark has nothing to go on with.
    if (started?.from.every((word) => word === 0) === true) discardTransfer(this.#volume, started.subvolume);
    else if (started !== undefined)
      throw new StreamError("an earlier transfer of this snapshot is not finished: resume it, or delete what it left");
    if (findReceived(this.#volume, this.#source) !== null)
      throw new StreamError("this volume has that snapshot already");
    this.#subvolume = this.#create(name);
  }

  #create(name: string): Subvolume {
    const volume = this.#volume;
    let id: number;
    if (this.#parent === null) id = volume.createSubvolume(name, SUBVOLUME_INCOMPLETE);
    else {
      const base = findReceived(volume, this.#parent);
      if (base === null)
        throw new StreamError("it holds the differences from a snapshot that this volume does not have");
      if ((base.flags & SUBVOLUME_READ_ONLY) === 0)
        throw new StreamError("the snapshot that it holds the differences from was made writable here");
      id = volume.snapshot(base, name, { readOnly: false, flags: SUBVOLUME_INCOMPLETE });
    }
    if (id < 0)
      throw new StreamError(
        id === -17 ? "there is a snapshot of this name already" : `it cannot be made (errno ${-id})`,
      );
    const subvolume = volume.subvolume(id)!;
    subvolume.nextIno = Math.max(subvolume.nextIno, this.#nextIno);
    this.#remember(RECEIVING, [0, 0, 0]);
    return subvolume;
  }

  /** Puts a property that names the source; with a key, where to go on. */
  #remember(kind: string, from: Key | null): void {
    const id = this.#subvolume?.id ?? this.#volume.superblock.nextSubvolume - 1;
    const writer = new RecordWriter();
    writeIdentity(writer, this.#source);
    if (from !== null) {
      writeIdentity(writer, this.#parent);
      writer.word(from[0]).word(from[1]).word(from[2]);
    }
    const failed = this.#volume.properties.set(`${kind}${id}`, writer.take().slice());
    if (failed < 0) throw new StreamError(`the volume cannot be written (errno ${-failed})`);
  }

  #mark(next: Key): void {
    this.#lastMark = next;
    if (this.#sinceCommit < (this.#options.checkpointBytes ?? CHECKPOINT_BYTES)) return;
    this.#leaveInode();
    this.#remember(RECEIVING, next);
    this.#commit();
  }

  #commit(): void {
    const failed = this.#volume.commit();
    if (failed < 0) throw new StreamError(`the volume cannot be written (errno ${-failed})`);
    this.#sinceCommit = 0;
  }

  #apply(type: number, payload: PayloadReader, subvolume: Subvolume): void {
    const ino = payload.word();
    if (ino < ROOT_INO || ino >= this.#nextIno) throw new StreamError("an inode number was never given out");
    if (ino !== this.#ino) this.#enterInode(subvolume, ino);
    switch (type) {
      case RecordType.inode:
        this.#inodeItem(subvolume, ino, payload.bytes(INODE_SIZE));
        break;
      case RecordType.removeInode:
        this.#removeInode(subvolume, ino);
        break;
      case RecordType.entry: {
        const target = payload.word();
        const kind = payload.word();
        const name = fileName(payload);
        this.#expectType(subvolume, ino, S_IFDIR);
        if (target < ROOT_INO || target >= this.#nextIno || kind > 15) throw new StreamError("a name leads nowhere");
        if (findEntry(subvolume, ino, name) !== 0) redirectEntry(subvolume, ino, name, target, kind);
        else if (insertEntry(subvolume, ino, name, target, kind) < 0)
          throw new StreamError("too many names share a hash");
        break;
      }
      case RecordType.removeEntry:
        removeEntry(subvolume, ino, fileName(payload));
        break;
      case RecordType.attribute: {
        const failed = setXattr(subvolume, ino, payload.text(255), payload.rest(), 0);
        if (failed < 0) throw new StreamError(`an attribute cannot be set (errno ${-failed})`);
        break;
      }
      case RecordType.removeAttribute: {
        const failed = removeXattr(subvolume, ino, payload.text(255));
        if (failed < 0 && failed !== -ENODATA)
          throw new StreamError(`an attribute cannot be removed (errno ${-failed})`);
        break;
      }
      case RecordType.inline: {
        const bytes = payload.rest();
        if (loadInode(subvolume, ino) < 0 || bytes.length > 4095) throw new StreamError("content of no file");
        putInline(subvolume, ino, bytes, 0, bytes.length);
        break;
      }
      case RecordType.removeInline:
        subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
        break;
      case RecordType.data: {
        const index = payload.pair();
        const bytes = payload.rest();
        this.#expectType(subvolume, ino, S_IFREG);
        if (index >= FILE_BLOCKS_MAX) throw new StreamError("content lies beyond any file");
        const failed = writePages(subvolume, ino, index, bytes, 0, bytes.length);
        if (failed < 0) throw new StreamError(`there is no space for it (errno ${-failed})`, true);
        this.dataBytes += bytes.length;
        break;
      }
      case RecordType.hole: {
        const { index, count } = range(payload);
        this.#expectType(subvolume, ino, S_IFREG);
        if (index === 0) subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
        changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, index, index + count));
        break;
      }
      case RecordType.preallocated: {
        const { index, count } = range(payload);
        this.#expectType(subvolume, ino, S_IFREG);
        changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, index, index + count));
        const failed = preallocateBlocks(subvolume, ino, index, index + count);
        if (failed < 0) throw new StreamError(`there is no space for it (errno ${-failed})`, true);
        break;
      }
      default:
        throw new StreamError(`record ${type} is unknown: the stream is of a later version`);
    }
  }

  #expectType(subvolume: Subvolume, ino: number, type: number): void {
    const at = loadInode(subvolume, ino);
    if (
      at < 0 ||
      (subvolume.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT) !== type ||
      (type === S_IFREG && findFile(subvolume, ino) < 0)
    )
      throw new StreamError("content of what is no file or folder");
  }

  #enterInode(subvolume: Subvolume, ino: number): void {
    this.#leaveInode();
    this.#ino = ino;
    const at = loadInode(subvolume, ino);
    this.#hasInode = at >= 0;
    if (at >= 0) this.#inode.set(subvolume.volume.inodes.words.subarray(at, at + INODE_WORDS));
  }

  #inodeItem(subvolume: Subvolume, ino: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, INODE_SIZE);
    for (let word = 0; word < INODE_WORDS; word++) this.#inode[word] = view.getUint32(word * 4, true);
    if (this.#inode[INODE_AT_BYTES + 1]! >= 0x80000000) throw new StreamError("a file is larger than any can be");
    this.#hasInode = true;
    if (loadInode(subvolume, ino) < 0) initializeInode(subvolume, ino, this.#inode[INODE_AT_MODE]!, 0, 0, 0, 0);
    this.#putInode(subvolume, ino);
  }

  /**
   * Writing content changes times; in the end they are as the source has them. How much space it takes here is counted
   * here.
   */
  #putInode(subvolume: Subvolume, ino: number): void {
    const at = changeInode(subvolume, ino);
    if (at < 0) return;
    const { words } = subvolume.volume.inodes;
    const low = words[at + INODE_AT_BLOCKS]!;
    const high = words[at + INODE_AT_BLOCKS + 1]!;
    words.set(this.#inode, at);
    words[at + INODE_AT_BLOCKS] = low;
    words[at + INODE_AT_BLOCKS + 1] = high;
  }

  #leaveInode(): void {
    if (this.#ino !== 0 && this.#subvolume !== null && this.#hasInode) this.#putInode(this.#subvolume, this.#ino);
    this.#ino = 0;
  }

  #removeInode(subvolume: Subvolume, ino: number): void {
    if (ino === ROOT_INO || loadInode(subvolume, ino) < 0) return;
    removeInode(subvolume, ino);
    this.#ino = 0;
  }

  #end(payload: PayloadReader): void {
    const subvolume = this.#subvolume;
    if (subvolume === null) throw new StreamError("this is no stream of an AegisFS snapshot");
    const volume = this.#volume;
    if (payload.word() !== this.#records) throw new StreamError("records are missing");
    const digest = this.#digest.digest();
    const expected = payload.bytes(digest.length);
    if (digest.some((byte, index) => byte !== expected[index]))
      throw new StreamError("it is not what was sent (digest)");
    const failed = volume.begin(Room.grows);
    if (failed < 0) throw new StreamError(`the volume cannot be written (errno ${-failed})`);
    try {
      this.#leaveInode();
    } finally {
      volume.end();
    }
    this.#commit();
    let problem = "";
    checkSubvolume(subvolume, (what, _subvolume, ino) => {
      if (problem === "") problem = `${what} (inode ${ino})`;
    });
    if (problem !== "") throw new StreamError(`its files make no whole: ${problem}`);
    this.#remember(RECEIVED, null);
    volume.properties.remove(`${RECEIVING}${subvolume.id}`);
    if (volume.begin(Room.grows) < 0) throw new Failure("no-space", -1);
    subvolume.changeFlags(SUBVOLUME_READ_ONLY);
    volume.end();
    this.#commit();
    this.#isOver = true;
  }
}

/** Bytes of the record at `at`; 0 while its head is not there. Throws StreamError. */
function recordSize(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < HEAD_SIZE) return 0;
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  if (length > PAYLOAD_MAX) throw new StreamError("this is no stream of an AegisFS snapshot");
  return HEAD_SIZE + length;
}

function fileName(payload: PayloadReader): string {
  const name = payload.text(255);
  if (name.length === 0 || name === "." || name === ".." || name.includes("/") || name.includes("\0"))
    throw new StreamError("a file's name is not one");
  return name;
}

function range(payload: PayloadReader): { index: number; count: number } {
  const index = payload.pair();
  const count = payload.word();
  if (count === 0 || count > EXTENT_BLOCKS_MAX || index + count > FILE_BLOCKS_MAX)
    throw new StreamError("a range lies beyond any file");
  return { index, count };
}
