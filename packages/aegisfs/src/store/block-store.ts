/**
 * The volume's block space: the segments of its own devices, or of one device above a stack of read-only bases.
 *
 * Block numbers are global: base k of the stack owns the numbers from its `start` to the start of base k + 1, and a
 * block number alone finds its device. An extent or node never straddles two segments. That is all there is to a clone
 * that lives in another file: its trees point into the base wherever they did not diverge.
 *
 * Writes go to all copies of a segment. A read takes the first copy that answers and matches its checksum, and writes
 * it over the copies that do not: they are damaged, so nothing whole can be lost by that. What happens is counted for
 * each device.
 */
import { assert } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import { DEVICE_STALE, DeviceEntry } from "../format/pool-table.ts";
import type { Segment } from "../format/pool-table.ts";
import { encodeSuperblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import type { Superblock } from "../format/superblock.ts";
import { checksumBlock, checksumBlocks } from "../format/checksum.ts";
import { Layout } from "./layout.ts";

/** Checksums of what was read, at most an extent's. */
const computed = new Uint32Array(EXTENT_BLOCKS_MAX);

/** One of the volume's own devices. */
export class DeviceSlot {
  /** Null while it is missing. */
  device: BlockDevice | null;
  readonly entry: DeviceEntry;
  /** No superblock of the volume is on it yet. */
  joining: boolean;
  /** What went to and from it since the volume was mounted. */
  readBytes = 0;
  writtenBytes = 0;

  constructor(device: BlockDevice | null, entry: DeviceEntry, joining = false) {
    this.device = device;
    this.entry = entry;
    this.joining = joining;
  }
}

export class BlockStore {
  readonly #bases: readonly BlockDevice[];
  readonly #baseStarts: readonly number[];
  /** The volume's own devices, by their numbers in the table. */
  readonly devices: DeviceSlot[];
  /** First block of the devices that take the writes. */
  readonly topStart: number;
  /** May damaged copies be written anew when they are found? */
  repairs = true;
  #layout: Layout;
  /** The segment of the last access. */
  #segment: Segment;

  /**
   * @param layout      null: the first device as it stands
   * @param bases       from the bottom up; never written
   * @param baseStarts  the first block of each
   */
  constructor(
    devices: readonly DeviceSlot[],
    topStart: number,
    layout: Layout | null,
    bases: readonly BlockDevice[],
    baseStarts: readonly number[],
  ) {
    this.devices = [...devices];
    this.topStart = topStart;
    this.#layout = layout ?? Layout.ofDevice(topStart, this.topBlocks);
    this.#segment = this.#layout.segments[0]!;
    this.#bases = bases;
    this.#baseStarts = baseStarts;
  }

  /** One device without a table. */
  static ofDevice(
    device: BlockDevice,
    topStart = 0,
    bases: readonly BlockDevice[] = [],
    baseStarts: readonly number[] = [],
  ): BlockStore {
    return new BlockStore([new DeviceSlot(device, new DeviceEntry())], topStart, null, bases, baseStarts);
  }

  get layout(): Layout {
    return this.#layout;
  }

  set layout(layout: Layout) {
    this.#layout = layout;
    this.#segment = layout.segments[0]!;
  }

  get readOnly(): boolean {
    return this.devices.some(({ device }) => device?.readOnly === true);
  }

  /** Blocks of the first device, as it stands. */
  get topBlocks(): number {
    return Math.floor((this.devices[0]?.device?.size ?? 0) / BLOCK_SIZE);
  }

  /**
   * Reads `count` blocks into `bytes[at …)` from the first copy that can be read; throws Failure `io`. For content that
   * nothing vouches for.
   */
  read(block: number, count: number, bytes: Uint8Array, at: number): void {
    if (block < this.topStart) {
      this.#readBase(block, count, bytes, at);
      return;
    }
    const copies = this.copies(block, count);
    for (let copy = 0; copy < copies; copy++) if (this.readCopy(block, count, copy, bytes, at)) return;
    throw new Failure("io", block);
  }

  #readBase(block: number, count: number, bytes: Uint8Array, at: number): void {
    let index = this.#bases.length - 1;
    while (index > 0 && block < this.#baseStarts[index]!) index--;
    const offset = (block - this.#baseStarts[index]!) * BLOCK_SIZE;
    if (this.#bases[index]!.read(offset, bytes, at, count * BLOCK_SIZE) < 0) throw new Failure("io", block);
  }

  /** Stale devices are read last. */
  demoteStale(): void {
    for (const { places } of this.#layout.segments) {
      places.sort(
        (a, b) =>
          (this.devices[a.device]!.entry.flags & DEVICE_STALE) - (this.devices[b.device]!.entry.flags & DEVICE_STALE),
      );
    }
  }

  // ---- Copies -----------------------------------------------------------------------------------------------------

  /** Copies of a run of blocks; 1 for a base's. Throws Failure `io` when the run does not lie in one segment. */
  copies(block: number, count: number): number {
    if (block < this.topStart) return 1;
    return this.#find(block, count).places.length;
  }

  /**
   * Reads one copy; false, and counted, when its device is missing or refuses. Copy 0 of a base's block is the base.
   */
  readCopy(block: number, count: number, copy: number, bytes: Uint8Array, at: number): boolean {
    if (block < this.topStart) {
      this.#readBase(block, count, bytes, at);
      return true;
    }
    const segment = this.#find(block, count);
    const place = segment.places[copy]!;
    const slot = this.devices[place.device]!;
    if (slot.device === null) return false;
    if (slot.device.read((place.first + block - segment.first) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE) >= 0) {
      slot.readBytes += count * BLOCK_SIZE;
      return true;
    }
    slot.entry.errors.readErrors++;
    return false;
  }

  /** Is the device of that copy there? */
  isPresent(block: number, copy: number): boolean {
    return block < this.topStart || this.devices[this.#find(block, 1).places[copy]!.device]!.device !== null;
  }

  /** Did the device of that copy miss writes? */
  isStale(block: number, copy: number): boolean {
    return (
      block >= this.topStart &&
      (this.devices[this.#find(block, 1).places[copy]!.device]!.entry.flags & DEVICE_STALE) !== 0
    );
  }

  /** Counts damage that a checksum showed in one copy. */
  countCorrupt(block: number, copy: number): void {
    if (block >= this.topStart) this.devices[this.#find(block, 1).places[copy]!.device]!.entry.errors.corruptBlocks++;
  }

  /** Counts blocks of which no copy is good. */
  countLost(block: number): void {
    if (block < this.topStart) return;
    for (const { device } of this.#find(block, 1).places) this.devices[device]!.entry.errors.lostBlocks++;
  }

  /** Writes a good copy over the copies in `bad` (a bit for each). */
  repair(block: number, count: number, bytes: Uint8Array, at: number, bad: number): void {
    if (!this.repairs || this.readOnly || block < this.topStart) return;
    const segment = this.#find(block, count);
    for (let copy = 0; copy < segment.places.length; copy++) {
      const place = segment.places[copy]!;
      const slot = this.devices[place.device]!;
      const { device, entry } = slot;
      if ((bad & (1 << copy)) === 0 || device === null) continue;
      if (device.write((place.first + block - segment.first) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE) >= 0) {
        entry.errors.repairedBlocks += count;
        slot.writtenBytes += count * BLOCK_SIZE;
      } else entry.errors.writeErrors++;
    }
  }

  /**
   * Reads blocks and verifies each against the checksum in `checksums[from …)`, mending what another copy can mend.
   * Throws Failure `corrupt-data` when no copy of one matches, `io` when none can be read.
   */
  readVerified(
    block: number,
    count: number,
    bytes: Uint8Array,
    at: number,
    checksums: Uint32Array,
    from: number,
  ): void {
    const copies = this.copies(block, count);
    assert(count <= EXTENT_BLOCKS_MAX, "what is read and verified is one extent at most");
    if (this.readCopy(block, count, 0, bytes, at)) {
      checksumBlocks(bytes, at, count, computed, 0);
      for (let offset = 0; offset < count; offset++) {
        if (computed[offset] === checksums[from + offset]) continue;
        this.countCorrupt(block + offset, 0);
        this.#recover(
          block + offset,
          copies,
          bytes,
          at + offset * BLOCK_SIZE,
          checksums[from + offset]!,
          "corrupt-data",
        );
      }
    } else {
      for (let offset = 0; offset < count; offset++)
        this.#recover(block + offset, copies, bytes, at + offset * BLOCK_SIZE, checksums[from + offset]!, "io");
    }
  }

  /** Does any copy of the block match the checksum? Nothing is counted or mended: what a crash tore is no damage. */
  hasMatch(block: number, checksum: number): boolean {
    const bytes = new Uint8Array(BLOCK_SIZE);
    for (let copy = 0, copies = this.copies(block, 1); copy < copies; copy++)
      if (this.readCopy(block, 1, copy, bytes, 0) && checksumBlock(bytes, 0) === checksum) return true;
    return false;
  }

  /** Gets a block whose copy 0 is bad from another one, and mends the bad ones. */
  #recover(
    block: number,
    copies: number,
    bytes: Uint8Array,
    at: number,
    checksum: number,
    kind: "io" | "corrupt-data",
  ): void {
    for (let copy = 1, bad = 1; copy < copies; copy++) {
      if (this.readCopy(block, 1, copy, bytes, at)) {
        if (checksumBlock(bytes, at) === checksum) {
          this.repair(block, 1, bytes, at, bad);
          return;
        }
        this.countCorrupt(block, copy);
        kind = "corrupt-data";
      }
      bad |= 1 << copy;
    }
    this.countLost(block);
    throw new Failure(kind, block);
  }

  // ---- Writing ----------------------------------------------------------------------------------------------------

  /**
   * Writes all copies. A copy that fails is counted, and what it holds is old from then on; throws Failure `io` when
   * all fail.
   */
  write(block: number, count: number, bytes: Uint8Array, at: number): void {
    if (block < this.topStart) throw new Error(`invariant broken: block ${block} belongs to a base`);
    const segment = this.#find(block, count);
    const { places } = segment;
    let written = 0;
    let failed = false;
    for (let copy = 0; copy < places.length; copy++) {
      const place = places[copy]!;
      const slot = this.devices[place.device]!;
      if (slot.device === null) continue;
      if (slot.device.write((place.first + block - segment.first) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE) >= 0) {
        written++;
        slot.writtenBytes += count * BLOCK_SIZE;
      } else {
        this.#failedWrite(slot);
        failed = true;
      }
    }
    if (written === 0) throw new Failure("io", block);
    if (failed) this.demoteStale();
  }

  #failedWrite(slot: DeviceSlot): void {
    slot.entry.errors.writeErrors++;
    slot.entry.flags |= DEVICE_STALE;
  }

  /**
   * Makes all writes durable. A device that refuses is left behind while each segment has another copy; else throws
   * Failure `io`.
   */
  flush(): void {
    for (const slot of this.devices) {
      if (slot.device === null || slot.device.flush() >= 0) continue;
      this.#failedWrite(slot);
      if (!this.#canDoWithout(slot)) throw new Failure("io", -1);
      // What it kept of its writes is not known: nothing is read from it any more in this mount.
      slot.device = null;
    }
  }

  #canDoWithout(slot: DeviceSlot): boolean {
    return this.#layout.segments.every(({ places }) =>
      places.some(({ device }) => this.devices[device]!.device !== null && this.devices[device] !== slot),
    );
  }

  /**
   * Writes the superblock of a new generation to its two blocks of each device. Devices that join get theirs first,
   * durably: no superblock may name a device on which there is none. Throws Failure `io` when no device took it.
   */
  writeSuperblock(superblock: Superblock): void {
    for (const { device, entry } of this.devices) if (device !== null) entry.generation = superblock.generation;
    let joined = false;
    for (const slot of this.devices) {
      if (!slot.joining || !this.#isMember(slot)) continue;
      if (!this.#putSuperblock(superblock, slot) || slot.device!.flush() < 0) throw new Failure("io", -1);
      joined = true;
    }
    let written = 0;
    for (const slot of this.devices) {
      if (!this.#isMember(slot) || slot.joining) continue;
      if (this.#putSuperblock(superblock, slot)) written++;
      else this.#failedWrite(slot);
    }
    if (written === 0 && !joined && this.devices.some((slot) => this.#isMember(slot))) throw new Failure("io", -1);
    for (const slot of this.devices) if (this.#isMember(slot)) slot.joining = false;
  }

  /** Is it there, and does the table count on it? A device without a table has an empty entry. */
  #isMember({ device, entry }: DeviceSlot): boolean {
    return device !== null && (entry.blocks > 0 || this.devices.length === 1);
  }

  #putSuperblock(superblock: Superblock, slot: DeviceSlot): boolean {
    superblock.deviceIndex = this.devices.indexOf(slot);
    const bytes = encodeSuperblock(superblock);
    let ok = true;
    for (const block of SUPERBLOCK_SLOTS[superblock.generation % SUPERBLOCK_SLOTS.length]!)
      if (slot.device!.write(block * BLOCK_SIZE, bytes, 0, BLOCK_SIZE) >= 0) slot.writtenBytes += BLOCK_SIZE;
      else ok = false;
    return ok;
  }

  discard(block: number, count: number): void {
    const segment = this.#find(block, count);
    for (const place of segment.places)
      this.devices[place.device]!.device?.discard(
        (place.first + block - segment.first) * BLOCK_SIZE,
        count * BLOCK_SIZE,
      );
  }

  resizeTop(blocks: number): number {
    return this.devices[0]!.device!.resize(blocks * BLOCK_SIZE);
  }

  #find(block: number, count: number): Segment {
    let segment = this.#segment;
    if (block < segment.first || block >= segment.first + segment.blocks) {
      segment = this.#layout.segmentAt(block)!;
      if (segment === undefined) throw new Failure("io", block);
      this.#segment = segment;
    }
    // A forged extent may reach over the end of its segment.
    if (block + count > segment.first + segment.blocks) throw new Failure("io", block);
    return segment;
  }
}
