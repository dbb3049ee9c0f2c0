/**
 * Sending a snapshot, or what differs between two, as a stream of records (SEND-FORMAT.md) from which `receive.ts`
 * makes the same snapshot in another volume. Records follow the keys of the tree, so that a broken transfer goes on
 * from a key. The stream carries inode numbers as they are: later differences apply to what was received before.
 */
import { byteString, Sha256, type Digest } from "@stratos/base";
import { EINVAL } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { readPages } from "../file/data.ts";
import { findEntry, nameAt } from "../file/directory.ts";
import { findExtent, findNextExtent, foundExtent } from "../file/extents.ts";
import { bytesToEnd, loadInode } from "../file/inode.ts";
import { get as getXattr } from "../file/xattrs.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import { KIND_ENTRY, KIND_EXTENT, KIND_INLINE, KIND_INODE, KIND_XATTR, keyMiddle } from "../format/key.ts";
import { INODE_AT_NLINK, INODE_SIZE } from "../format/inode-item.ts";
import { SUBVOLUME_READ_ONLY } from "../format/subvolume-item.ts";
import { compareTrees, KEY_MIN, keyAfter, type ItemView, type Key } from "../snapshot/compare-trees.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { RecordType, RecordWriter, STREAM_MAGIC, writeIdentity, type SnapshotIdentity } from "./stream-record.ts";

/** A chunk ends with the first item behind so many bytes. */
const CHUNK_BYTES = 1 << 19;

export interface SendOptions {
  /** Send the differences from this snapshot, which the receiver has. */
  readonly parent?: Subvolume;
  /** Go on from the key where an earlier transfer ended. */
  readonly resume?: Key;
  readonly digest?: Digest;
}

export function identityOf(subvolume: Subvolume): SnapshotIdentity {
  const { uuid } = subvolume.volume.superblock;
  return {
    uuid: new Uint8Array(uuid.buffer, uuid.byteOffset, 16).slice(),
    id: subvolume.id,
    generation: subvolume.generation,
  };
}

export class SendStream {
  readonly #volume: Volume;
  readonly #source: Subvolume;
  readonly #parent: Subvolume | null;
  readonly #digest: Digest;
  readonly #writer = new RecordWriter();
  /** Where the next chunk begins; null: only the end is left. */
  #from: Key | null;
  #hasBegun = false;
  #isOver = false;
  #records = 0;
  // The inode at hand.
  #ino = 0;
  #isInSource = false;
  #isInParent = false;
  /** All of it has been told. */
  #isDone = false;

  private constructor(source: Subvolume, options: SendOptions) {
    this.#volume = source.volume;
    this.#source = source;
    this.#parent = options.parent ?? null;
    this.#digest = options.digest ?? new Sha256();
    this.#from = options.resume ?? KEY_MIN;
  }

  /** −EINVAL when one of the two may still change: both must be read-only snapshots. */
  static open(source: Subvolume, options: SendOptions = {}): SendStream | number {
    const { parent } = options;
    if (
      (source.flags & SUBVOLUME_READ_ONLY) === 0 ||
      (parent !== undefined && ((parent.flags & SUBVOLUME_READ_ONLY) === 0 || parent.id === source.id))
    )
      return -EINVAL;
    return new SendStream(source, options);
  }

  /** The next bytes, valid until the next call; null at the end; a negated errno. */
  next(): Uint8Array | null | number {
    if (this.#isOver) return null;
    try {
      if (!this.#hasBegun) this.#begin();
      while (this.#from !== null && this.#writer.length < CHUNK_BYTES) {
        this.#from = compareTrees(
          this.#volume,
          this.#parent?.tree.root ?? null,
          this.#source.tree.root,
          this.#from,
          (key, left, right) => {
            this.#difference(key, left, right);
            return this.#writer.length >= CHUNK_BYTES;
          },
        );
        this.#volume.end();
      }
      if (this.#from === null) this.#end();
      else {
        const [k0, k1, k2] = this.#from;
        this.#record(RecordType.mark).word(k0).word(k1).word(k2).end();
      }
      const chunk = this.#writer.take();
      if (!this.#isOver) this.#digest.update(chunk);
      return chunk;
    } catch (thrown) {
      this.#isOver = true;
      return this.#volume.readFailed(thrown);
    }
  }

  #record(type: RecordType): RecordWriter {
    this.#records++;
    return this.#writer.begin(type);
  }

  #begin(): void {
    this.#hasBegun = true;
    const source = this.#source;
    const writer = this.#record(RecordType.begin);
    for (let index = 0; index < STREAM_MAGIC.length; index += 4) {
      writer.word(
        STREAM_MAGIC.charCodeAt(index) |
          (STREAM_MAGIC.charCodeAt(index + 1) << 8) |
          (STREAM_MAGIC.charCodeAt(index + 2) << 16) |
          (STREAM_MAGIC.charCodeAt(index + 3) << 24),
      );
    }
    writeIdentity(writer, identityOf(source));
    writeIdentity(writer, this.#parent === null ? null : identityOf(this.#parent));
    const from = this.#from ?? KEY_MIN;
    writer
      .word(from[0])
      .word(from[1])
      .word(from[2])
      .word(source.nextIno)
      .pair(source.seconds)
      .text(source.name)
      .text(source.label)
      .end();
  }

  /** Its digest is of all bytes before this record. */
  #end(): void {
    this.#digest.update(this.#writer.peek());
    this.#record(RecordType.end).word(this.#records).bytes(this.#digest.digest()).end();
    this.#isOver = true;
  }

  #difference(key: Key, left: ItemView | null, right: ItemView | null): void {
    const [ino, middle, low] = key;
    if (ino === 0) return; // Orphans are no files.
    if (ino !== this.#ino) this.#enter(ino);
    if (this.#isDone) return;
    const kind = middle >>> 24;
    if (right !== null) {
      // The item is copied: what follows reads the trees.
      const value = right.node.bytes.slice(right.offset, right.offset + right.length);
      if (left !== null && (kind === KIND_ENTRY || kind === KIND_XATTR)) this.#removeNamed(kind, ino, left);
      this.#item(kind, ino, (middle & 0xffffff) * 0x100000000 + low, value);
    } else if (kind === KIND_ENTRY || kind === KIND_XATTR) this.#removeNamed(kind, ino, left!);
    else if (kind === KIND_INLINE) this.#record(RecordType.removeInline).word(ino).end();
    if (left !== null && kind === KIND_EXTENT) this.#holes(ino, (middle & 0xffffff) * 0x100000000 + low);
  }

  #enter(ino: number): void {
    this.#ino = ino;
    this.#isInSource = hasName(this.#source, ino);
    this.#isInParent = this.#parent !== null && hasName(this.#parent, ino);
    this.#isDone = !this.#isInSource;
    if (!this.#isInSource) {
      if (this.#isInParent) this.#record(RecordType.removeInode).word(ino).end();
    } else if (!this.#isInParent && this.#parent !== null && loadInode(this.#parent, ino) >= 0) {
      // It was there without a name, which the receiver never saw: all of it is news, not only what differs.
      this.#whole(ino);
      this.#isDone = true;
    }
  }

  #whole(ino: number): void {
    const { tree } = this.#source;
    for (let at: Key | null = [ino, 0, 0]; at !== null && tree.ceiling(at[0], at[1], at[2]) && tree.key(0) === ino;) {
      const key: Key = [tree.key(0), tree.key(1), tree.key(2)];
      this.#item(
        key[1] >>> 24,
        ino,
        (key[1] & 0xffffff) * 0x100000000 + key[2],
        tree.bytes.slice(tree.offset, tree.offset + tree.length),
      );
      at = keyAfter(key);
    }
  }

  #item(kind: number, ino: number, offset: number, value: Uint8Array): void {
    const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
    switch (kind) {
      case KIND_INODE:
        if (value.length !== INODE_SIZE) throw new Failure("corrupt-node", -1);
        this.#record(RecordType.inode).word(ino).bytes(value).end();
        break;
      case KIND_ENTRY:
        this.#record(RecordType.entry)
          .word(ino)
          .word(words.getUint32(0, true))
          .word(value[4]!)
          .text(nameAt(value, 0))
          .end();
        break;
      case KIND_XATTR: {
        const length = words.getUint16(2, true);
        this.#record(RecordType.attribute)
          .word(ino)
          .text(byteString(value.subarray(4, 4 + value[0]!)))
          .bytes(value.subarray(4 + value[0]!, 4 + value[0]! + length))
          .end();
        break;
      }
      case KIND_INLINE:
        this.#record(RecordType.inline).word(ino).bytes(value).end();
        break;
      case KIND_EXTENT:
        this.#extent(ino, offset);
        break;
    }
  }

  /** A name may have changed places among those of its hash: it is gone only if the source has it nowhere. */
  #removeNamed(kind: number, ino: number, item: ItemView): void {
    const { bytes } = item.node;
    if (kind === KIND_ENTRY) {
      const name = nameAt(bytes, item.offset);
      if (findEntry(this.#source, ino, name) === 0) this.#record(RecordType.removeEntry).word(ino).text(name).end();
    } else {
      const name = byteString(bytes.subarray(item.offset + 4, item.offset + 4 + bytes[item.offset]!));
      if (typeof getXattr(this.#source, ino, name) === "number")
        this.#record(RecordType.removeAttribute).word(ino).text(name).end();
    }
  }

  /** Tells the blocks of the extent at `start` that the parent has not got. */
  #extent(ino: number, start: number): void {
    if (!findExtent(this.#source, ino, start) || foundExtent.start !== start) throw new Failure("corrupt-node", -1);
    const { length, flags, block, skip } = foundExtent;
    const isPacked = (flags & 0xff) !== 0;
    for (let at = start; at < start + length;) {
      const run = this.#sameInParent(
        ino,
        at,
        start + length - at,
        isPacked ? block : block + (at - start),
        isPacked ? skip + (at - start) : -1,
        flags,
      );
      if (run > 0) {
        at += run;
        continue;
      }
      let end = at + 1;
      while (
        end < start + length &&
        this.#sameInParent(
          ino,
          end,
          1,
          isPacked ? block : block + (end - start),
          isPacked ? skip + (end - start) : -1,
          flags,
        ) === 0
      )
        end++;
      this.#blocks(ino, at, end - at, flags);
      at = end;
    }
  }

  /**
   * How many blocks from `index` on are in the parent at the same place of the device. @param skip  in a compressed
   * unit, else −1
   */
  #sameInParent(ino: number, index: number, most: number, block: number, skip: number, flags: number): number {
    if (this.#parent === null || !findExtent(this.#parent, ino, index) || foundExtent.flags !== flags) return 0;
    const within = index - foundExtent.start;
    const isSame =
      skip >= 0
        ? foundExtent.block === block && foundExtent.skip + within === skip
        : foundExtent.block + within === block;
    return isSame ? Math.min(most, foundExtent.length - within) : 0;
  }

  #blocks(ino: number, index: number, count: number, flags: number): void {
    if ((flags & EXTENT_UNWRITTEN) !== 0) {
      this.#record(RecordType.preallocated).word(ino).pair(index).word(count).end();
      return;
    }
    const at = loadInode(this.#source, ino);
    const bytes = at < 0 ? 0 : Math.min(count * BLOCK_SIZE, bytesToEnd(this.#volume.inodes.words, at, index, 0));
    if (bytes <= 0) return;
    const blocks = Math.ceil(bytes / BLOCK_SIZE);
    readPages(this.#source, ino, index, blocks, pages, 0);
    this.#record(RecordType.data).word(ino).pair(index).bytes(pages.subarray(0, bytes)).end();
  }

  /** Tells which blocks of the parent's extent at `start` have become holes. */
  #holes(ino: number, start: number): void {
    if (this.#parent === null || !findExtent(this.#parent, ino, start)) return;
    const end = foundExtent.start + foundExtent.length;
    for (let at = start; at < end;) {
      if (findExtent(this.#source, ino, at)) {
        at = foundExtent.start + foundExtent.length;
        continue;
      }
      const stop = findNextExtent(this.#source, ino, at) ? Math.min(foundExtent.start, end) : end;
      // Block 0 may be inline now, which was told already.
      const first = at === 0 && this.#source.tree.find(ino, keyMiddle(KIND_INLINE, 0), 0) ? 1 : at;
      if (first < stop)
        this.#record(RecordType.hole)
          .word(ino)
          .pair(first)
          .word(stop - first)
          .end();
      at = stop;
    }
  }
}

const pages = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);

function hasName(subvolume: Subvolume, ino: number): boolean {
  const at = loadInode(subvolume, ino);
  return at >= 0 && subvolume.volume.inodes.words[at + INODE_AT_NLINK] !== 0;
}
