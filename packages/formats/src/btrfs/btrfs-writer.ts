/**
 * Makes a btrfs volume of trees: one for its root, or one for each subvolume. Metadata and data are there once, both
 * with checksums, and what subvolumes share (a snapshot and its source) is stored once. Source: Linux
 * Documentation/filesystems/btrfs.rst; include/uapi/linux/ btrfs_tree.h; the on-disk format in btrfs-progs'
 * documentation (btrfs-dev-docs).
 *
 *     1 MiB kept free, with the superblock · system chunk 4 MiB · data chunks of up to 1 GiB · metadata chunk · room
 *     for more chunks
 *
 * Data is written first, as its places stand in the trees. Then the sizes of all records are known, so the trees'
 * blocks get places before the two trees that tell of these places (extents, free space) are made.
 */
import type { Codecs } from "../codecs.ts";
import type { Disk } from "../disk/disk.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import { FormatError } from "../format-error.ts";
import { fileEntry, type FileTree } from "../tree/file-tree.ts";
import { treeNodes, type TreeNode } from "../tree/tree-nodes.ts";
import { BtrfsData, DATA_CHUNK_SIZE, roundUp } from "./btrfs-data.ts";
import {
  BlockGroup,
  blockGroupItem,
  chunkItem,
  compareKeys,
  dataExtentItem,
  DEVICE,
  deviceExtentItem,
  deviceItem,
  directoryItem,
  FIRST_CHUNK,
  freeSpaceInfo,
  inodeItem,
  inodeRef,
  Item,
  LAST,
  metadataItem,
  nameHash,
  NODE_SIZE,
  ROOT_INODE,
  rootItem,
  rootRef,
  SECTOR_SIZE,
  STRIPE_SIZE,
  superblock,
  SUPERBLOCK_PLACES,
  SUPERBLOCK_SIZE,
  Tree,
  type Chunk,
  type TreeItem,
} from "./btrfs-layout.ts";
import { planBlocks, treeLevels, writeTree, type TreeBlock } from "./btrfs-tree.ts";
import { INLINE_MAX, volumeIndex, volumeItems } from "./btrfs-volume-tree.ts";

export interface BtrfsVolume {
  /** in the root of the volume: `@home` */
  readonly name: string;
  readonly tree: FileTree;
  readonly readOnly?: boolean;
  /** name of the subvolume that this is a snapshot of; it has the same contents */
  readonly snapshotOf?: string;
}

export interface BtrfsOptions {
  readonly uuid: string;
  readonly label: string;
  /** seconds since 1970 */
  readonly time: number;
  /** a UUID for each further use */
  readonly id: (what: string) => string;
  /** packs contents; without it they lie as they are */
  readonly zstd?: Codecs["zstd"];
}

const MIB = 1 << 20;
const SYSTEM_CHUNK: Chunk = { start: MIB, size: 4 * MIB, type: BlockGroup.system };
const DATA_START = SYSTEM_CHUNK.start + SYSTEM_CHUNK.size;
const METADATA_MIN = 8 * MIB;
/** Linux keeps metadata back for deleting; below this it runs out at once. */
const FREE_MIN = 32 * MIB;
const BUFFER_BYTES = 1 << 20;

/**
 * Bytes that a volume of these trees takes, with room to work in; contents are not looked at, so holes and packing only
 * make it less.
 */
export function btrfsSizeFor(volumes: readonly { readonly tree: FileTree; readonly snapshotOf?: string }[]): number {
  let data = 0,
    metadata = 0;
  for (const { tree, snapshotOf } of volumes) {
    for (const { path, content, target, xattrs } of tree.entries()) {
      const name = path.length - path.lastIndexOf("/");
      // An inode, its two places in the folder, and its name at the inode.
      metadata += 185 + 2 * (55 + name) + 35 + name + (target === "" ? 0 : 46 + target.length);
      for (const [key, value] of xattrs) metadata += 55 + key.length + value.length;
      const size = content?.sizeBytes ?? 0;
      if (size > 0 && size <= INLINE_MAX) metadata += 46 + size;
      else if (size > 0) {
        const extents = Math.ceil(size / (128 << 10));
        if (snapshotOf === undefined) data += roundUp(size, SECTOR_SIZE);
        metadata += extents * (78 + 107) + (snapshotOf === undefined ? size / 1000 : 0);
      }
    }
  }
  const dataSize = roundUp(data + STRIPE_SIZE * 2 + Math.floor(data / DATA_CHUNK_SIZE) * (128 << 10), MIB);
  return DATA_START + dataSize + roundUp(Math.max(METADATA_MIN, metadata * 1.5), MIB) + FREE_MIN;
}

/**
 * @param volumes  one without a name is the root itself. @throws FormatError when it does not fit, or has what btrfs
 *   has no form for
 */
export function writeBtrfs(disk: Disk, volumes: readonly BtrfsVolume[], options: BtrfsOptions): void {
  new BtrfsWriter(disk, volumes, options).write();
}

interface PlannedVolume extends BtrfsVolume {
  readonly id: number;
  readonly uuid: string;
  readonly nodes: readonly TreeNode[];
}
interface PlannedTree {
  readonly owner: number;
  items: readonly TreeItem[];
  blocks: readonly TreeBlock[];
}

class BtrfsWriter {
  readonly #disk: Disk;
  readonly #size: number;
  readonly #options: BtrfsOptions;
  readonly #volumes: readonly PlannedVolume[];
  readonly #ids: { readonly device: string; readonly chunkTree: string };

  constructor(disk: Disk, volumes: readonly BtrfsVolume[], options: BtrfsOptions) {
    this.#disk = disk;
    this.#size = Math.floor(disk.size / SECTOR_SIZE) * SECTOR_SIZE;
    this.#options = options;
    this.#ids = { device: options.id("btrfs device"), chunkTree: options.id("btrfs chunk tree") };
    const names = new Set<string>();
    for (const { name, snapshotOf } of volumes) {
      if (name !== "" && !/^[^/\0]{1,255}$/.test(name)) throw new FormatError(`${name}: no name for a subvolume`);
      if (names.has(name)) throw new FormatError(`subvolume ${name}: the name is taken`);
      if (snapshotOf !== undefined && !names.has(snapshotOf))
        throw new FormatError(`subvolume ${name}: a snapshot of ${snapshotOf}, which does not stand before it`);
      names.add(name);
    }
    const root = volumes.find(({ name }) => name === "") ?? {
      name: "",
      tree: { entries: () => [fileEntry("", "directory", { mtime: options.time })] },
    };
    const all = [root, ...volumes.filter((volume) => volume !== root)];
    this.#volumes = all.map((volume, index) => ({
      ...volume,
      id: index === 0 ? Tree.files : Tree.firstVolume + index - 1,
      uuid: options.id(`btrfs subvolume ${volume.name}`),
      nodes: treeNodes(volume.tree),
    }));
  }

  write(): void {
    const data = new BtrfsData(this.#disk, { start: DATA_START, limit: this.#size }, this.#options.zstd ?? null);
    const [top, ...subvolumes] = this.#volumes as [PlannedVolume, ...PlannedVolume[]];
    const volumeTrees = this.#volumes.map(({ id, nodes }) => ({
      owner: id,
      items: volumeItems(nodes, id, id === Tree.files ? subvolumes : [], data),
    }));
    const checksums = data.finish();
    const dataChunks = chunksUpTo(data.end);
    const extents = [...data.extents].sort((a, b) => a.place - b.place);
    const metadataStart = dataChunks.at(-1)!.start + dataChunks.at(-1)!.size;
    // Sizes of records are known now, and with them the blocks of all trees but two, whose records are of these blocks
    // themselves.
    const sizesOfRoot = this.#rootItems(top, subvolumes, () => ({ place: 0, level: 0, used: 0 })).map(
      ({ data: bytes }) => bytes.length,
    );
    const fixed = [
      ...volumeTrees,
      { owner: Tree.checksum, items: checksums },
      { owner: Tree.dataRelocation, items: emptyVolume(this.#options.time) },
    ];
    const deviceItems = (chunks: readonly Chunk[]): TreeItem[] =>
      chunks.map((chunk) => ({
        key: { objectid: DEVICE, type: Item.deviceExtent, offset: chunk.start },
        data: deviceExtentItem(chunk, this.#ids.chunkTree),
      }));
    const chunkCount = dataChunks.length + 2;
    const chunkBlocks = planBlocks(
      [98, ...new Array<number>(chunkCount).fill(80)],
      Tree.chunk,
      metadataPlaces(SYSTEM_CHUNK.start, 64),
    );
    const sizesOf = (items: readonly TreeItem[]): number[] => items.map(({ data: bytes }) => bytes.length);
    const fixedSizes: readonly (readonly [number, readonly number[]])[] = [
      [Tree.root, sizesOfRoot],
      [Tree.device, new Array<number>(chunkCount).fill(48)],
      ...fixed.map(({ owner, items }) => [owner, sizesOf(items)] as const),
    ];
    let extentSizes: readonly number[] = [],
      freeSizes: readonly number[] = [];
    for (;;) {
      const sizes: readonly (readonly [number, readonly number[]])[] = [
        ...fixedSizes,
        [Tree.extent, extentSizes],
        [Tree.freeSpace, freeSizes],
      ];
      const count = sizes.reduce(
        (sum, [, own]) => sum + treeLevels(own).reduce((blocks, level) => blocks + level, 0),
        0,
      );
      const places = metadataPlaces(metadataStart, count);
      const used = places.at(-1)! + NODE_SIZE - metadataStart;
      const metadata: Chunk = {
        start: metadataStart,
        size: roundUp(Math.max(METADATA_MIN, used * 1.25), MIB),
        type: BlockGroup.metadata,
      };
      if (metadata.start + metadata.size > this.#size)
        throw new FormatError(`the volume needs ${metadata.start + metadata.size} bytes, and there are ${this.#size}`);
      const chunks = [SYSTEM_CHUNK, ...dataChunks, metadata];
      const blocks = new Map<number, readonly TreeBlock[]>([[Tree.chunk, chunkBlocks]]);
      let next = 0;
      for (const [owner, own] of sizes) {
        const planned = planBlocks(own, owner, places.slice(next));
        blocks.set(owner, planned);
        next += planned.length;
      }
      const ranges = [...[...blocks.values()].flat().map(({ place }) => ({ place, size: NODE_SIZE })), ...extents].sort(
        (a, b) => a.place - b.place,
      );
      const extentItems = this.#extentItems([...blocks.values()].flat(), extents, chunks, ranges);
      const freeItems = freeSpaceItems(chunks, ranges);
      const isSettled = extentSizes.length === extentItems.length && freeSizes.length === freeItems.length;
      extentSizes = sizesOf(extentItems);
      freeSizes = sizesOf(freeItems);
      if (!isSettled) continue;
      const planned = (owner: number, items: readonly TreeItem[]): PlannedTree => ({
        owner,
        items,
        blocks: blocks.get(owner)!,
      });
      const place = (owner: number): { place: number; level: number; used: number } => {
        const own = blocks.get(owner)!,
          { place: at, level } = own.at(-1)!;
        return { place: at, level, used: own.length * NODE_SIZE };
      };
      const device = deviceItem({
        size: this.#size,
        used: chunks.reduce((sum, { size }) => sum + size, 0),
        uuid: this.#ids.device,
        volumeUuid: this.#options.uuid,
      });
      this.#writeTrees([
        planned(Tree.chunk, [
          { key: { objectid: 1, type: Item.device, offset: DEVICE }, data: device },
          ...chunks.map((chunk) => ({
            key: { objectid: FIRST_CHUNK, type: Item.chunk, offset: chunk.start },
            data: chunkItem(chunk, this.#ids.device),
          })),
        ]),
        planned(Tree.root, this.#rootItems(top, subvolumes, place)),
        planned(Tree.device, deviceItems(chunks)),
        ...fixed.map(({ owner, items }) => planned(owner, items)),
        planned(Tree.extent, extentItems),
        planned(Tree.freeSpace, freeItems),
      ]);
      const usedBytes = ranges.reduce((sum, { size }) => sum + size, 0);
      for (const copy of SUPERBLOCK_PLACES) {
        if (copy + SUPERBLOCK_SIZE > this.#size) continue;
        this.#disk.write(
          copy,
          superblock(
            {
              uuid: this.#options.uuid,
              label: this.#options.label,
              size: this.#size,
              used: usedBytes,
              root: place(Tree.root),
              chunkRoot: place(Tree.chunk),
              deviceItem: device,
              systemChunk: SYSTEM_CHUNK,
              deviceUuid: this.#ids.device,
              hasZstd: data.hasZstd,
            },
            copy,
          ),
        );
      }
      return;
    }
  }

  #writeTrees(trees: readonly PlannedTree[]): void {
    const writer = sequentialWriter(this.#disk, BUFFER_BYTES);
    for (const { owner, items, blocks } of trees) {
      writeTree(
        items,
        {
          owner,
          places: blocks.map(({ place }) => place),
          uuid: this.#options.uuid,
          chunkTreeUuid: this.#ids.chunkTree,
        },
        (place, block) => writer.write(place, block),
      );
    }
    writer.flush();
  }

  /** The tree of trees. @param at  where the others are */
  #rootItems(
    top: PlannedVolume,
    subvolumes: readonly PlannedVolume[],
    at: (owner: number) => { place: number; level: number; used: number },
  ): TreeItem[] {
    const { time } = this.#options;
    const root = (owner: number, volume?: PlannedVolume): TreeItem => {
      const { place, level, used } = at(owner);
      const parent =
        volume?.snapshotOf === undefined
          ? undefined
          : this.#volumes.find(({ name }) => name === volume.snapshotOf)?.uuid;
      return {
        key: { objectid: owner, type: Item.root, offset: 0 },
        data: rootItem({
          place,
          level,
          usedBytes: used,
          isVolume: volume !== undefined || owner === Tree.dataRelocation,
          time,
          ...(volume === undefined ? {} : { uuid: volume.uuid }),
          ...(parent === undefined ? {} : { parentUuid: parent }),
          ...(volume?.readOnly === true ? { readOnly: true } : {}),
        }),
      };
    };
    const items = [
      root(Tree.extent),
      root(Tree.device),
      root(Tree.files, top),
      root(Tree.checksum),
      root(Tree.freeSpace),
      root(Tree.dataRelocation),
    ];
    const folder = fileEntry("", "directory", { mtime: time });
    items.push(
      {
        key: { objectid: Tree.rootDirectory, type: Item.inode, offset: 0 },
        data: inodeItem(folder, { size: 0, bytes: NODE_SIZE, links: 1 }),
      },
      {
        key: { objectid: Tree.rootDirectory, type: Item.inodeRef, offset: Tree.rootDirectory },
        data: inodeRef(0, ".."),
      },
      {
        key: { objectid: Tree.rootDirectory, type: Item.directory, offset: nameHash("default") },
        data: directoryItem("default", { objectid: Tree.files, type: Item.root, offset: LAST }, "directory"),
      },
    );
    subvolumes.forEach((volume, position) => {
      const ref = rootRef(ROOT_INODE, volumeIndex(top.nodes[0]!, position), volume.name);
      items.push(
        root(volume.id, volume),
        { key: { objectid: volume.id, type: Item.rootBackref, offset: Tree.files }, data: ref },
        { key: { objectid: Tree.files, type: Item.rootRef, offset: volume.id }, data: ref },
      );
    });
    return items.sort((a, b) => compareKeys(a.key, b.key));
  }

  /** What is taken, by whom, and how much of each chunk. */
  #extentItems(
    blocks: readonly TreeBlock[],
    extents: BtrfsData["extents"],
    chunks: readonly Chunk[],
    ranges: readonly Range[],
  ): TreeItem[] {
    const items: TreeItem[] = [
      ...blocks.map(({ place, level, owner }) => ({
        key: { objectid: place, type: Item.metadata, offset: level },
        data: metadataItem(owner),
      })),
      ...extents.map(({ place, size, users }) => ({
        key: { objectid: place, type: Item.extent, offset: size },
        data: dataExtentItem(users),
      })),
      ...chunks.map((chunk) => ({
        key: { objectid: chunk.start, type: Item.blockGroup, offset: chunk.size },
        data: blockGroupItem(
          within(chunk, ranges).reduce((sum, { size }) => sum + size, 0),
          chunk.type,
        ),
      })),
    ];
    return items.sort((a, b) => compareKeys(a.key, b.key));
  }
}

interface Range {
  readonly place: number;
  readonly size: number;
}

function within({ start, size }: Chunk, ranges: readonly Range[]): Range[] {
  return ranges.filter(({ place }) => place >= start && place < start + size);
}

/** What is left of each chunk. */
function freeSpaceItems(chunks: readonly Chunk[], ranges: readonly Range[]): TreeItem[] {
  return chunks.flatMap((chunk) => {
    const free: TreeItem[] = [];
    let at = chunk.start;
    const leave = (end: number): void => {
      if (end > at)
        free.push({ key: { objectid: at, type: Item.freeSpaceExtent, offset: end - at }, data: new Uint8Array(0) });
    };
    for (const { place, size } of within(chunk, ranges)) {
      leave(place);
      at = place + size;
    }
    leave(chunk.start + chunk.size);
    return [
      {
        key: { objectid: chunk.start, type: Item.freeSpaceInfo, offset: chunk.size },
        data: freeSpaceInfo(free.length),
      },
      ...free,
    ];
  });
}

function chunksUpTo(end: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = DATA_START; start < end || chunks.length === 0; start += DATA_CHUNK_SIZE) {
    chunks.push({
      start,
      size: Math.min(DATA_CHUNK_SIZE, Math.max(METADATA_MIN, roundUp(end - start, MIB))),
      type: BlockGroup.data,
    });
  }
  return chunks;
}

/** Places of `count` blocks from `start` on, off the superblock's copies. */
function metadataPlaces(start: number, count: number): number[] {
  const places: number[] = [];
  for (let place = start; places.length < count; place += NODE_SIZE) {
    if (!SUPERBLOCK_PLACES.some((copy) => place < copy + STRIPE_SIZE && place + NODE_SIZE > copy)) places.push(place);
  }
  return places;
}

/** A volume without files: Linux moves data by way of one. */
function emptyVolume(time: number): TreeItem[] {
  return [
    {
      key: { objectid: ROOT_INODE, type: Item.inode, offset: 0 },
      data: inodeItem(fileEntry("", "directory", { mtime: time }), { size: 0, bytes: NODE_SIZE, links: 1 }),
    },
    { key: { objectid: ROOT_INODE, type: Item.inodeRef, offset: ROOT_INODE }, data: inodeRef(0, "..") },
  ];
}
