/** Formatting and mounting: from devices to a `Volume`. */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import type { MountError } from "../failure.ts";
import { BLOCK_SIZE, GROUP_BLOCKS } from "../format/geometry.ts";
import { COMPRESS_NONE, compressionOf } from "../format/properties.ts";
import { decodeSuperblock, FEATURE_COMPRESSION, Superblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { BlockStore } from "../store/block-store.ts";
import { SpaceMap } from "../store/space-map.ts";
import { Subvolume } from "./subvolume.ts";
import { Volume } from "./volume.ts";
import type { MountOptions } from "./volume.ts";

export interface FormatOptions {
  /** 16 bytes that no other volume has. */
  uuid: Uint8Array;
  /** Makes hashes of names differ between volumes; from chance, or fixed for images that are to be reproducible. */
  hashSeed: number;
  /** At most 63 bytes. */
  label?: string;
  /** Time that the root directory gets. */
  seconds?: number;
  /** What all files get that have no properties of their own (format/properties.ts). */
  properties?: number;
}

const BLOCKS_MIN = 1024;
const BLOCKS_MAX = 0xfffffff0;

/** Makes an empty volume of the whole device; 0 or why not. What the device held is lost. */
export function format(device: BlockDevice, options: FormatOptions): 0 | MountError {
  const blocks = Math.min(Math.floor(device.size / BLOCK_SIZE), BLOCKS_MAX);
  if (blocks < BLOCKS_MIN) return "device-too-small";
  const store = new BlockStore(device, 0, [], []);
  try {
    // A superblock of an older volume with a higher generation would win.
    const zeros = new Uint8Array(BLOCK_SIZE);
    for (const slots of SUPERBLOCK_SLOTS) for (const slot of slots) store.write(slot, 1, zeros, 0);
    store.flush();

    const superblock = new Superblock();
    superblock.uuid.set(uuidWords(options.uuid));
    superblock.hashSeed = options.hashSeed >>> 0;
    superblock.label = options.label ?? "";
    superblock.blocks = blocks;
    superblock.nextSubvolume = 2;
    superblock.defaultSubvolume = 1;
    superblock.properties = options.properties ?? 0;
    if (compressionOf(superblock.properties) > COMPRESS_NONE) superblock.features |= FEATURE_COMPRESSION;
    Object.assign(superblock, SpaceMap.countEmpty(blocks));
    const volume = new Volume(store, superblock, { seconds: options.seconds ?? 0 });
    volume.tree.initialize();
    volume.adopt(Subvolume.createEmpty(volume, 1, "root"));
    return volume.commit() < 0 ? "device-error" : 0;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.kind === "no-space" ? "device-too-small" : "device-error";
  }
}

/** Mounts a volume that fills one device. Frees what a crash left without a name, unless read-only. */
export function mount(device: BlockDevice, options: MountOptions = {}): Volume | MountError {
  const superblock = readSuperblock(device);
  if (typeof superblock === "string") return superblock;
  if (superblock.baseSpan !== 0) return "base-mismatch";
  return open(new BlockStore(device, 0, [], []), superblock, options);
}

/**
 * Mounts a clone: `delta` takes the writes, everything else is read from `bases` (one image, or a stack of clones from the bottom
 * up), which are never written and must stay as they are. An empty delta becomes a clone of the base's present state, in constant
 * time and without a write before the first commit; one with content goes on where it was.
 */
export function mountOverlay(bases: BlockDevice | readonly BlockDevice[], delta: BlockDevice, options: MountOptions = {}): Volume | MountError {
  const stack: readonly BlockDevice[] = "read" in bases ? [bases] : bases;
  const starts: number[] = [];
  let base: Superblock | null = null;
  let span = 0;
  for (const device of stack) {
    const superblock = readSuperblock(device);
    if (typeof superblock === "string") return superblock;
    if (superblock.baseSpan !== span || (base !== null && !isBaseOf(base, superblock))) return "base-mismatch";
    starts.push(span);
    span = Math.ceil((span + superblock.blocks) / GROUP_BLOCKS) * GROUP_BLOCKS;
    base = superblock;
  }
  if (base === null) return "base-mismatch";
  const store = new BlockStore(delta, span, stack, starts);
  let superblock = readSuperblock(delta);
  if (superblock === "no-superblock") {
    const blocks = Math.min(Math.floor(delta.size / BLOCK_SIZE), BLOCKS_MAX - span);
    if (blocks < BLOCKS_MIN) return "device-too-small";
    superblock = cloneOf(base, span, blocks);
  } else if (typeof superblock === "string") return superblock;
  else if (superblock.baseSpan !== span || !isBaseOf(base, superblock)) return "base-mismatch";
  return open(store, superblock, options);
}

function cloneOf(base: Superblock, span: number, blocks: number): Superblock {
  const clone = new Superblock();
  clone.uuid.set(base.uuid);
  clone.generation = base.generation;
  clone.blocks = blocks;
  clone.baseSpan = span;
  Object.assign(clone, SpaceMap.countEmpty(blocks));
  clone.references = base.references;
  clone.hashSeed = base.hashSeed;
  clone.nextSubvolume = base.nextSubvolume;
  clone.defaultSubvolume = base.defaultSubvolume;
  clone.root.set(base.root);
  clone.baseUuid.set(base.uuid);
  clone.baseGeneration = base.generation;
  clone.baseChecksum = base.checksum;
  clone.features = base.features;
  clone.properties = base.properties;
  clone.label = base.label;
  return clone;
}

function isBaseOf(base: Superblock, clone: Superblock): boolean {
  return clone.baseGeneration === base.generation && clone.baseChecksum === base.checksum && clone.baseUuid.every((word, index) => word === base.uuid[index]);
}

function open(store: BlockStore, superblock: Superblock, options: MountOptions): Volume | MountError {
  if (store.topBlocks < superblock.blocks) return "device-too-small";
  const volume = new Volume(store, superblock, options);
  try {
    const root = volume.root;
    if (!volume.readOnly) {
      const failed = root.freeOrphans();
      if (failed < 0) return "corrupt";
    }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.kind === "io" ? "device-error" : "corrupt";
  }
  return volume;
}

/** The newest valid superblock of a device. */
export function readSuperblock(device: BlockDevice): Superblock | MountError {
  const bytes = new Uint8Array(BLOCK_SIZE);
  let newest: Superblock | null = null;
  let unsupported = false;
  let readable = false;
  for (const slots of SUPERBLOCK_SLOTS) {
    for (const slot of slots) {
      if ((slot + 1) * BLOCK_SIZE > device.size || device.read(slot * BLOCK_SIZE, bytes, 0, BLOCK_SIZE) < 0) continue;
      readable = true;
      const superblock = decodeSuperblock(bytes);
      if (superblock === "unsupported") unsupported = true;
      else if (superblock !== "invalid" && (newest === null || superblock.generation > newest.generation)) newest = superblock;
    }
  }
  if (newest !== null) return newest;
  return unsupported ? "unsupported" : readable ? "no-superblock" : "device-error";
}

function uuidWords(uuid: Uint8Array): Uint32Array {
  const bytes = new Uint8Array(16);
  bytes.set(uuid.subarray(0, 16));
  return new Uint32Array(bytes.buffer);
}
