/**
 * How often each cluster of a QCOW2 file is used: a table of blocks of 16-bit counts. Clusters are handed out at the
 * file's end; one whose count falls to zero is used again. Source: QEMU docs/interop/qcow2.rst, "Host cluster
 * management".
 */
import { readBytes, readU64, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

/** The file grows by so many clusters at once, and is cut to size by `flush`. */
const GROW_CLUSTERS = 256;

export class Qcow2Refcounts {
  readonly #file: Disk;
  readonly #clusterSize: number;
  readonly #table: Uint8Array;
  readonly #tableOffset: number;
  readonly #blocks = new Map<number, { bytes: Uint8Array; isDirty: boolean }>();
  #isTableDirty = false;
  #next: number;
  #freed: number[] = [];

  /** @param next  first cluster that was never used */
  constructor(file: Disk, clusterSize: number, place: { offset: number; clusters: number }, next: number) {
    if (place.clusters < 1 || place.clusters * clusterSize > 8 << 20)
      throw new FormatError("the QCOW2 header is damaged: the table of reference counts");
    this.#file = file;
    this.#clusterSize = clusterSize;
    this.#tableOffset = place.offset;
    this.#table = readBytes(file, place.offset, place.clusters * clusterSize);
    this.#next = next;
  }

  /** A cluster with count 1. @returns its offset in the file; what it holds is not defined */
  allocate(): number {
    const cluster = this.#freed.pop() ?? this.#next++;
    this.#grow(cluster + 1);
    this.#set(cluster, 1);
    return cluster * this.#clusterSize;
  }

  /** Clusters that follow one another, each with count 1. */
  allocateRun(count: number): number {
    const first = this.#next;
    // Blocks of counts that this makes necessary come behind the run.
    this.#next += count;
    this.#grow(this.#next);
    for (let index = 0; index < count; index++) this.#set(first + index, 1);
    return first * this.#clusterSize;
  }

  /** Changes the count of the cluster that has `offset`. */
  add(offset: number, change: number): void {
    const cluster = Math.floor(offset / this.#clusterSize);
    const count = this.get(cluster) + change;
    if (count < 0 || count > 0xffff) throw new FormatError("the reference counts of the QCOW2 image are damaged");
    this.#set(cluster, count);
    if (count === 0) this.#freed.push(cluster);
  }

  get(cluster: number): number {
    const perBlock = this.#clusterSize / 2;
    const block = this.#block(Math.floor(cluster / perBlock), false);
    return block === undefined ? 0 : viewOf(block.bytes).getUint16((cluster % perBlock) * 2);
  }

  flush(): void {
    for (const [index, block] of this.#blocks) {
      if (!block.isDirty) continue;
      this.#file.write(readU64(viewOf(this.#table), index * 8, false), block.bytes);
      block.isDirty = false;
    }
    if (this.#isTableDirty) this.#file.write(this.#tableOffset, this.#table);
    this.#isTableDirty = false;
    if (this.#file.size > this.#next * this.#clusterSize) this.#file.resize(this.#next * this.#clusterSize);
  }

  #set(cluster: number, count: number): void {
    const perBlock = this.#clusterSize / 2;
    const block = this.#block(Math.floor(cluster / perBlock), true)!;
    viewOf(block.bytes).setUint16((cluster % perBlock) * 2, count);
    block.isDirty = true;
  }

  #block(index: number, make: boolean): { bytes: Uint8Array; isDirty: boolean } | undefined {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    if (index * 8 >= this.#table.length) {
      if (make) throw new FormatError("the QCOW2 image is too large for its table of reference counts");
      return undefined;
    }
    const offset = readU64(viewOf(this.#table), index * 8, false);
    if (offset !== 0) {
      const block = { bytes: readBytes(this.#file, offset, this.#clusterSize), isDirty: false };
      this.#blocks.set(index, block);
      return block;
    }
    if (!make) return undefined;
    const own = this.#next++;
    this.#grow(this.#next);
    const block = { bytes: new Uint8Array(this.#clusterSize), isDirty: true };
    this.#blocks.set(index, block);
    writeU64(viewOf(this.#table), index * 8, own * this.#clusterSize, false);
    this.#isTableDirty = true;
    // The block may count itself.
    this.#set(own, 1);
    return block;
  }

  #grow(clusters: number): void {
    if (clusters * this.#clusterSize > this.#file.size)
      this.#file.resize((clusters + GROW_CLUSTERS) * this.#clusterSize);
  }
}
