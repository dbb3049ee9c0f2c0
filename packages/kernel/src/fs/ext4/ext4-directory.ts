import { byteString, byteStringOf, SteadyMap } from "@stratos/base";
import { EEXIST, ENOENT, EUCLEAN } from "@stratos/abi";
import { emptyDirectoryBlock, sealDirectoryBlock, viewOf } from "@stratos/formats/ext4";

/** What a folder asks of the inode whose content it is. */
export interface DirectoryBlocks {
  readonly blockSize: number;
  /** Of its checksums; undefined: there are none. */
  readonly seed: number | undefined;
  readonly hasTypes: boolean;
  /** Blocks of the folder. */
  readonly count: number;
  /** @returns null: a hole. @throws FormatError, DiskError */
  readBlock(index: number): Uint8Array | null;
  writeBlock(index: number, bytes: Uint8Array): void;
  /** One block more, at the end. @returns its index. @throws FullError */
  addBlock(): number;
}

interface Ext4Entry {
  ino: number;
  type: number;
  /** From the folder's start, in bytes. */
  readonly offset: number;
}

const HEADER = 8;
const TAIL = 12;

/**
 * Names of a folder: a list of entries in each block (Linux Documentation/filesystems/ext4/directory.rst). All blocks
 * are read before the first lookup, which must not read them each time; blocks of a hash tree look empty by that.
 * Changes go to the disk at once.
 */
export class Ext4Directory {
  readonly #blocks: DirectoryBlocks;
  readonly #names = new SteadyMap<string, Ext4Entry>();
  /** The largest room for an entry, by block: of those that were read. */
  readonly #room: number[] = [];
  /** Blocks without a place for a checksum: those of a hash tree. */
  readonly #treeBlocks: number[] = [];

  constructor(blocks: DirectoryBlocks) {
    this.#blocks = blocks;
  }

  /** Blocks that were read. */
  get known(): number {
    return this.#room.length;
  }

  get isWhole(): boolean {
    return this.#room.length >= this.#blocks.count;
  }

  /** Names that were read, "." and ".." with them. */
  get size(): number {
    return this.#names.size;
  }

  /** Reads one more block. @throws FormatError, DiskError, or {@link DamagedDirectory} */
  readBlock(): void {
    const index = this.#room.length;
    const bytes = this.#blocks.readBlock(index);
    this.#room.push(bytes === null ? 0 : this.#look(bytes, index));
  }

  #look(bytes: Uint8Array, index: number): number {
    let room = 0;
    const start = index * this.#blocks.blockSize;
    const end = this.#checksumAt;
    let isTree = false;
    this.#forEach(bytes, (at, length, ino, nameLength) => {
      isTree = at + length > end;
      room = Math.max(room, ino === 0 ? length : length - sizeOf(nameLength));
      if (ino === 0) return;
      const name = byteString(bytes, at + HEADER, at + HEADER + nameLength);
      const type = this.#blocks.hasTypes ? bytes[at + 7]! : 0;
      // No program can mean what has such a name.
      if (name === "" || name.includes("/") || name.includes("\0")) return;
      if (!this.#names.has(name)) this.#names.set(name, { ino, type, offset: start + at });
    });
    if (isTree) this.#treeBlocks.push(index);
    return room;
  }

  /** Where a block's entries end for the place of its checksum. */
  get #checksumAt(): number {
    const { blockSize, seed } = this.#blocks;
    return seed === undefined ? blockSize : blockSize - TAIL;
  }

  /** Entries of a block, without its tail. */
  #forEach(bytes: Uint8Array, visit: (at: number, length: number, ino: number, nameLength: number) => void): void {
    const { blockSize } = this.#blocks;
    const view = viewOf(bytes);
    const end = this.#end(bytes);
    for (let at = 0; at < end;) {
      const length = view.getUint16(at + 4, true),
        ino = view.getUint32(at, true),
        nameLength = bytes[at + 6]!;
      if (length < HEADER || length % 4 !== 0 || at + length > blockSize || (ino !== 0 && sizeOf(nameLength) > length))
        throw new DamagedDirectory();
      visit(at, length, ino, nameLength);
      at += length;
    }
  }

  /** A hash tree's root has no tail, and its entries reach to the block's end. */
  #end(bytes: Uint8Array): number {
    const { blockSize, seed } = this.#blocks;
    const at = blockSize - TAIL;
    return seed !== undefined &&
      bytes[at + 7] === 0xde &&
      bytes[at + 6] === 0 &&
      viewOf(bytes).getUint16(at + 4, true) === TAIL
      ? at
      : blockSize;
  }

  find(name: string): Ext4Entry | undefined {
    return this.#names.get(name);
  }

  get isEmpty(): boolean {
    return this.#names.size <= 2;
  }

  /**
   * Gives up a hash tree, whose blocks look empty and may be filled by now: entries are found by looking through all
   * blocks then, as Linux does with a tree that it does not understand.
   */
  makeLinear(): void {
    const end = this.#checksumAt;
    for (const index of this.#treeBlocks.splice(0)) {
      const bytes = this.#blocks.readBlock(index);
      if (bytes === null) continue;
      let last = 0;
      this.#forEach(bytes, (at) => (last = at));
      const view = viewOf(bytes);
      // What is left of the tree is wiped, for it lies where entries are looked for.
      const used = view.getUint32(last, true) === 0 ? last + HEADER : last + sizeOf(bytes[last + 6]!);
      bytes.fill(0, used);
      view.setUint16(last + 4, end - last, true);
      this.#write(index, bytes);
      this.#room[index] = Math.max(this.#room[index]!, end - used);
    }
  }

  /** @returns 0, −EEXIST. @throws FormatError, FullError, DiskError */
  add(name: string, ino: number, type: number): number {
    if (this.#names.has(name)) return -EEXIST;
    const wanted = sizeOf(name.length);
    for (let index = this.#room.length - 1; index >= 0; index--)
      if (this.#room[index]! >= wanted) {
        const bytes = this.#blocks.readBlock(index);
        if (bytes !== null && this.#put(index, bytes, name, ino, type)) return 0;
      }
    const { blockSize, seed } = this.#blocks;
    const index = this.#blocks.addBlock();
    this.#room[index] = blockSize;
    this.#put(index, emptyDirectoryBlock(blockSize, seed), name, ino, type);
    return 0;
  }

  #put(index: number, bytes: Uint8Array, name: string, ino: number, type: number): boolean {
    const view = viewOf(bytes);
    const wanted = sizeOf(name.length);
    let place = -1,
      room = 0;
    this.#forEach(bytes, (at, length, found, nameLength) => {
      const used = found === 0 ? 0 : sizeOf(nameLength);
      if (place >= 0 || length - used < wanted) return void (room = Math.max(room, length - used));
      if (used > 0) view.setUint16(at + 4, used, true);
      place = at + used;
      view.setUint16(place + 4, length - used, true);
      room = Math.max(room, length - used - wanted);
    });
    this.#room[index] = room;
    if (place < 0) return false;
    view.setUint32(place, ino, true);
    bytes[place + 6] = name.length;
    bytes[place + 7] = this.#blocks.hasTypes ? type : 0;
    bytes.set(byteStringOf(name), place + HEADER);
    this.#write(index, bytes);
    this.#names.set(name, { ino, type, offset: index * this.#blocks.blockSize + place });
    return true;
  }

  #write(index: number, bytes: Uint8Array): void {
    const { seed } = this.#blocks;
    if (seed !== undefined) sealDirectoryBlock(bytes, seed);
    this.#blocks.writeBlock(index, bytes);
  }

  /** @returns 0, −ENOENT, −EUCLEAN */
  remove(name: string): number {
    const entry = this.#names.get(name);
    if (entry === undefined) return -ENOENT;
    const { blockSize } = this.#blocks;
    const index = Math.floor(entry.offset / blockSize),
      place = entry.offset % blockSize;
    const bytes = this.#blocks.readBlock(index);
    if (bytes === null) return -EUCLEAN;
    const view = viewOf(bytes);
    let before = -1,
      room = 0,
      freed = 0;
    this.#forEach(bytes, (at, length, ino, nameLength) => {
      if (at < place) before = at;
      if (at === place) freed = length;
      else room = Math.max(room, ino === 0 ? length : length - sizeOf(nameLength));
    });
    if (before >= 0) {
      const joined = view.getUint16(before + 4, true) + freed;
      view.setUint16(before + 4, joined, true);
      room = Math.max(room, view.getUint32(before, true) === 0 ? joined : joined - sizeOf(bytes[before + 6]!));
    } else room = Math.max(room, freed);
    view.setUint32(place, 0, true);
    this.#room[index] = room;
    this.#write(index, bytes);
    this.#names.delete(name);
    return 0;
  }

  /** The name leads to another file from now on. @returns 0, −ENOENT, −EUCLEAN */
  replace(name: string, ino: number, type: number): number {
    const entry = this.#names.get(name);
    if (entry === undefined) return -ENOENT;
    const { blockSize, hasTypes } = this.#blocks;
    const index = Math.floor(entry.offset / blockSize),
      place = entry.offset % blockSize;
    const bytes = this.#blocks.readBlock(index);
    if (bytes === null) return -EUCLEAN;
    viewOf(bytes).setUint32(place, ino, true);
    if (hasTypes) bytes[place + 7] = type;
    this.#write(index, bytes);
    entry.ino = ino;
    entry.type = type;
    return 0;
  }

  /** In the order of the disk, but "." and "..", from `cursor` on: the place behind an entry. */
  list(cursor: number, emit: (name: string, ino: number, type: number, nextCursor: number) => boolean): void {
    const { blockSize, count } = this.#blocks;
    for (let index = Math.floor(cursor / blockSize); index < count; index++) {
      const bytes = this.#blocks.readBlock(index);
      if (bytes === null) continue;
      let isOver = false;
      const start = index * blockSize;
      this.#forEach(bytes, (at, _length, ino, nameLength) => {
        if (isOver || ino === 0 || start + at < cursor) return;
        const name = byteString(bytes, at + HEADER, at + HEADER + nameLength);
        if (name === "." || name === ".." || this.#names.get(name)?.offset !== start + at) return;
        isOver = !emit(name, ino, this.#blocks.hasTypes ? bytes[at + 7]! : 0, start + at + 1);
      });
      if (isOver) return;
    }
  }
}

/** What a block holds are no entries. */
export class DamagedDirectory extends Error {
  override name = "DamagedDirectory";
}

function sizeOf(nameLength: number): number {
  return HEADER + Math.ceil(nameLength / 4) * 4;
}
