/**
 * Another reader of AegisFS volumes, written from FORMAT.md alone: it shares no code and no constant with the engine,
 * keeps everything in memory, and is slow. What it cannot read of a volume that the engine wrote is missing in
 * FORMAT.md, or wrong in one of the two. Section numbers are FORMAT.md's. Left out are encrypted devices (§13), and
 * access control lists in the intent log (§12).
 */
import { emptyInode, expect, pair, textOf, wordsOf, type ReadInode, type ReadSubvolume } from "./independent-inode.ts";
import { LogRecords } from "./independent-log.ts";

const BLOCK = 4096;

/** Decompresses one Zstandard frame; LZ4 blocks the reader does itself. */
type Unpack = (bytes: Uint8Array) => Uint8Array;

interface Item {
  readonly object: number;
  readonly kind: number;
  readonly offset: bigint;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/** §1: XXH32 (xxHash specification, "XXH32 algorithm description") with seed 0. */
function xxh32(bytes: Uint8Array): number {
  const [p1, p2, p3, p4, p5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1] as const;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
  let at = 0;
  let sum: number = p5;
  if (bytes.length >= 16) {
    const lanes = [p1 + p2, p2, 0, -p1].map((value) => value | 0);
    for (; at + 16 <= bytes.length; at += 16)
      for (let lane = 0; lane < 4; lane++)
        lanes[lane] = Math.imul(rotate(lanes[lane]! + Math.imul(view.getUint32(at + lane * 4, true), p2), 13), p1);
    sum = rotate(lanes[0]!, 1) + rotate(lanes[1]!, 7) + rotate(lanes[2]!, 12) + rotate(lanes[3]!, 18);
  }
  sum = (sum + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4)
    sum = Math.imul(rotate(sum + Math.imul(view.getUint32(at, true), p3), 17), p4);
  for (; at < bytes.length; at++) sum = Math.imul(rotate(sum + Math.imul(bytes[at]!, p5), 11), p1);
  sum = Math.imul(sum ^ (sum >>> 15), p2);
  sum = Math.imul(sum ^ (sum >>> 13), p3);
  return (sum ^ (sum >>> 16)) >>> 0;
}

/** LZ4 block format. */
function unpackLz4(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let from = 0;
  let to = 0;
  const longer = (length: number): number => {
    if (length < 15) return length;
    for (let byte = 255; byte === 255; length += byte) byte = input[from++]!;
    return length;
  };
  for (;;) {
    const token = input[from++]!;
    const literals = longer(token >> 4);
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from >= input.length) break;
    const distance = input[from]! | (input[from + 1]! << 8);
    from += 2;
    for (let left = longer(token & 15) + 4; left > 0; left--, to++) output[to] = output[to - distance]!;
  }
  expect(to === size && from === input.length, "an LZ4 block of the size that it is to have");
  return output;
}

/** §5.1: word 1 without the kind, and word 2 without the collision number. */
function nameHash(name: string, seed: number): [number, number] {
  let a = (seed ^ 0x811c9dc5) >>> 0;
  let b = (Math.imul(seed, 0x9e3779b1) ^ name.length) >>> 0;
  for (const char of name) {
    const c = char.charCodeAt(0);
    a = Math.imul(a ^ c, 0x01000193) >>> 0;
    b = Math.imul(b + c, 0x85ebca77) >>> 0;
    b = (b ^ (b >>> 15)) >>> 0;
  }
  a = Math.imul(a ^ (a >>> 16) ^ b, 0xc2b2ae3d) >>> 0;
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x27d4eb2f) >>> 0;
  a = (a ^ (a >>> 15)) >>> 0;
  b = (b ^ (b >>> 16)) >>> 0;
  return [(a >>> 12) & 0xfffff, b & 0xffffff];
}

export class IndependentReader {
  readonly #devices: readonly Uint8Array[];
  readonly #base: IndependentReader | null;
  readonly #unpack: Unpack;
  /** The superblock that counts, §2. */
  readonly superblock: Uint32Array;
  readonly #byNumber = new Map<number, Uint8Array>();
  readonly #baseSpan: number;
  readonly subvolumes: readonly ReadSubvolume[];

  /** @param base  of an overlay: the volume that it lies on */
  constructor(devices: readonly Uint8Array[], unpack: Unpack, base: IndependentReader | null = null) {
    // Node's Buffers share their memory with what `slice` makes of them.
    this.#devices = devices.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
    this.#unpack = unpack;
    this.#base = base;
    this.superblock = this.#findSuperblock();
    const { superblock } = this;
    this.#baseSpan = superblock[16]!;
    if (this.#baseSpan > 0) {
      const under = base?.superblock;
      const isIt =
        under !== undefined &&
        [0, 1, 2, 3].every((word) => under[6 + word] === superblock[36 + word]) &&
        pair(under, 4) === pair(superblock, 40) &&
        under[2] === superblock[42];
      expect(isIt, "the very base that the overlay names");
    }
    const items = this.#items(superblock.subarray(24, 33));
    this.subvolumes = items.filter(({ kind }) => kind === 16).map((item) => this.#readSubvolume(item));
    this.#redoLog();
  }

  subvolume(name: string): ReadSubvolume {
    const found = this.subvolumes.find((one) => one.name === name);
    expect(found !== undefined, `a subvolume ${name}`);
    return found;
  }

  /** The inode at a path; each name is found by its hash. */
  at({ inodes }: ReadSubvolume, path: string): ReadInode {
    let inode = inodes.get(1)!;
    for (const name of path.split("/").filter((one) => one !== "")) {
      const child = inode.entries.get(name);
      expect(child !== undefined, `${name} of ${path}`);
      inode = inodes.get(child)!;
    }
    return inode;
  }

  size({ words }: ReadInode): bigint {
    return pair(words, 6);
  }

  /** Bytes of a regular file, up to its end. §6 */
  read(inode: ReadInode, offset: bigint, length: number): Uint8Array {
    const left = this.size(inode) - offset;
    const bytes = new Uint8Array(left <= 0n ? 0 : left < BigInt(length) ? Number(left) : length);
    for (let done = 0; done < bytes.length;) {
      const index = (offset + BigInt(done)) / 4096n;
      const within = Number((offset + BigInt(done)) % 4096n);
      const count = Math.min(BLOCK - within, bytes.length - done);
      const block = this.#fileBlock(inode, index);
      if (block !== null) bytes.set(block.subarray(within, within + count), done);
      done += count;
    }
    return bytes;
  }

  #fileBlock(inode: ReadInode, index: bigint): Uint8Array | null {
    const extent = inode.extents.find(
      ({ index: first, words }) => index >= first && index < first + BigInt(words[1]! & 0xffff),
    );
    if (extent === undefined) {
      if (index !== 0n || inode.inline === null) return null;
      const block = new Uint8Array(BLOCK);
      block.set(inode.inline);
      return block;
    }
    const { words } = extent;
    const within = Number(index - extent.index);
    if ((words[2]! & 0x10000) !== 0) return null;
    if ((words[2]! & 0xff) === 0)
      return this.#checked(words[0]! + within, 1, (bytes) => xxh32(bytes) === words[4 + within]);
    const stored = words[1]! >>> 16;
    const unit = this.#checked(words[0]!, stored, (bytes) =>
      Array.from(
        { length: stored },
        (_, block) => xxh32(bytes.subarray(block * BLOCK, (block + 1) * BLOCK)) === words[4 + block],
      ).every(Boolean),
    );
    const head = wordsOf(unit.subarray(0, 4))[0]!;
    const packed = unit.subarray(4, 4 + (head & 0xffffff));
    const size = (head >>> 24) * BLOCK;
    const content = (words[2]! & 0xff) === 2 ? unpackLz4(packed, size) : this.#unpack(packed);
    expect(content.length === size, "a unit of the size that it says");
    const at = (words[3]! + within) * BLOCK;
    return content.subarray(at, at + BLOCK);
  }

  // ---- §2: where blocks are ---------------------------------------------------------------------------------------

  #findSuperblock(): Uint32Array {
    let newest: Uint32Array | null = null;
    for (const device of this.#devices) {
      let own: Uint32Array | null = null;
      for (const block of [0, 1, 256, 257]) {
        const bytes = device.slice(block * BLOCK, (block + 1) * BLOCK);
        const words = wordsOf(bytes);
        if (bytes.length < BLOCK || textOf(bytes.subarray(0, 8)) !== "AEGISFS1") continue;
        bytes.fill(0, 8, 12);
        if (xxh32(bytes) !== words[2] || words[3] !== 1 || block % 256 !== Number(pair(words, 4) % 2n)) continue;
        if (own === null || pair(words, 4) > pair(own, 4)) own = words;
      }
      if (own === null) continue;
      this.#byNumber.set(own[45]!, device);
      if (newest === null || pair(own, 4) > pair(newest, 4)) newest = own;
    }
    expect(newest !== null, "a superblock");
    expect((newest[12]! & ~0x3f) === 0, "features that this reader knows");
    return newest;
  }

  /** All copies of a run of blocks. */
  #copies(start: number, count: number): Uint8Array[] {
    if (start < this.#baseSpan) return this.#base!.#copies(start, count);
    const { superblock } = this;
    const cut = (device: Uint8Array | undefined, block: number): Uint8Array[] =>
      device === undefined ? [] : [device.slice(block * BLOCK, (block + count) * BLOCK)];
    if ((superblock[12]! & 8) === 0) return cut(this.#devices[0], start - this.#baseSpan);
    for (let at = 320; at < 320 + superblock[46]! * 8; at += 8) {
      const distance = start - superblock[at]!;
      if (distance < 0 || distance >= superblock[at + 1]!) continue;
      return Array.from({ length: superblock[at + 2]! }, (_, copy) =>
        cut(this.#byNumber.get((superblock[at + 3]! >>> (copy * 8)) & 255), superblock[at + 4 + copy]! + distance),
      ).flat();
    }
    throw new Error(`expected block ${start} in a segment`);
  }

  /** The first copy that is right. */
  #checked(start: number, count: number, isRight: (bytes: Uint8Array) => boolean): Uint8Array {
    const good = this.#copies(start, count).find(isRight);
    expect(good !== undefined, `a good copy of block ${start}`);
    return good;
  }

  // ---- §3, §4: trees ----------------------------------------------------------------------------------------------

  #items(pointer: Uint32Array): Item[] {
    const items: Item[] = [];
    this.#walk(pointer, null, items);
    const isAscending = items.every((item, index) => index === 0 || keyOf(items[index - 1]!) < keyOf(item));
    expect(isAscending, "keys in order");
    return items;
  }

  #walk(pointer: Uint32Array, parentLevel: number | null, items: Item[]): void {
    const level = pointer[4]! & 255;
    const bytes = this.#checked(pointer[0]!, 4, (copy) => copy.length === 4 * BLOCK && xxh32(copy) === pointer[5]);
    const words = wordsOf(bytes);
    expect(
      textOf(bytes.subarray(0, 4)) === "AEGN" && words[4] === pointer[0] && pair(words, 5) === pair(pointer, 2),
      "the node that was meant",
    );
    expect(words[1] === level && (parentLevel === null || level === parentLevel - 1), "a node of its level");
    for (let slot = 0; slot < words[2]!; slot++) {
      if (level > 0) {
        this.#walk(words.subarray(12 + slot * 12 + 3, 12 + slot * 12 + 12), level, items);
        continue;
      }
      const at = 12 + slot * 4;
      const start = words[at + 3]! >>> 16;
      const value = bytes.slice(start, start + (words[at + 3]! & 0xffff));
      items.push({
        object: words[at]!,
        kind: words[at + 1]! >>> 24,
        offset: (BigInt(words[at + 1]! & 0xffffff) << 32n) | BigInt(words[at + 2]!),
        words: wordsOf(value),
        bytes: value,
      });
    }
  }

  #readSubvolume({ offset, words, bytes }: Item): ReadSubvolume {
    const inodes = new Map<number, ReadInode>();
    const seed = this.superblock[20]!;
    const hashed = (name: string, where: bigint): void => {
      const [high, low] = nameHash(name, seed);
      expect(
        where >> 32n === BigInt(high) && (where & 0xffffffffn) >> 8n === BigInt(low),
        `${name} where its hash says`,
      );
    };
    for (const item of this.#items(words.subarray(0, 9))) {
      if (item.object === 0) continue; // orphans, quotas
      let inode = inodes.get(item.object);
      if (inode === undefined) inodes.set(item.object, (inode = emptyInode(item.object)));
      switch (item.kind) {
        case 1:
          inode.words = item.words;
          break;
        case 2: {
          const name = textOf(item.bytes.subarray(4, 4 + item.bytes[0]!));
          hashed(name, item.offset);
          const start = 4 + item.bytes[0]!;
          inode.attributes.set(name, item.bytes.slice(start, start + (item.bytes[2]! | (item.bytes[3]! << 8))));
          break;
        }
        case 3: {
          const name = textOf(item.bytes.subarray(6, 6 + item.bytes[5]!));
          hashed(name, item.offset);
          inode.entries.set(name, item.words[0]!);
          break;
        }
        case 4:
          inode.inline = item.bytes;
          break;
        case 5:
          inode.extents.push({ index: item.offset, words: item.words });
          break;
        default:
          throw new Error(`expected no item of kind ${item.kind}`);
      }
    }
    return {
      id: Number(offset),
      name: textOf(bytes.subarray(96, 96 + words[21]!)),
      flags: words[13]!,
      nextIno: words[12]!,
      inodes,
    };
  }

  // ---- §12: the intent log ----------------------------------------------------------------------------------------

  #redoLog(): void {
    const { superblock } = this;
    if ((superblock[12]! & 16) === 0 || superblock[838] === 0) return;
    const [log] = this.#copies(superblock[837]!, superblock[838]!) as [Uint8Array];
    let previous = 0;
    for (let at = 0, number = 1; at < log.length; number++) {
      const head = wordsOf(log.subarray(at, at + 32));
      if (
        textOf(log.subarray(at, at + 4)) !== "AEGL" ||
        pair(head, 2) !== pair(superblock, 4) ||
        head[4] !== number ||
        head[7] !== previous ||
        at + head[5]! * 4 > log.length
      )
        break;
      const bytes = log.slice(at, at + head[5]! * 4);
      bytes.fill(0, 4, 8);
      if (xxh32(bytes) !== head[1]) break;
      const records = new LogRecords(wordsOf(bytes), head[6]!);
      const next = at + Math.ceil((head[5]! * 4) / BLOCK) * BLOCK;
      // Only of the last batch, and without its receipt, blocks may be missing: else those that rotted read as what
      // they are.
      const follows = wordsOf(log.subarray(next, next + 32));
      const isDurable =
        next < log.length &&
        ["AEGA", "AEGL"].includes(textOf(log.subarray(next, next + 4))) &&
        pair(follows, 2) === pair(superblock, 4) &&
        follows[7] === head[1];
      if (!isDurable && !records.extents().every((words) => this.#isThere(words))) break;
      records.redo(this.subvolumes);
      previous = head[1];
      at = next;
    }
  }

  #isThere(words: Uint32Array): boolean {
    if ((words[2]! & 0x10000) !== 0) return true;
    return Array.from({ length: words[1]! >>> 16 }, (_, block) =>
      this.#copies(words[0]! + block, 1).some((copy) => xxh32(copy) === words[4 + block]),
    ).every(Boolean);
  }
}

function keyOf({ object, kind, offset }: Item): bigint {
  return (BigInt(object) << 64n) | (BigInt(kind) << 56n) | offset;
}
