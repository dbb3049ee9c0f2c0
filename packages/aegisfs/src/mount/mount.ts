/** Formatting and mounting: from devices to a `Volume`. */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import type { MountError } from "../failure.ts";
import { BLOCK_SIZE, GROUP_BLOCKS } from "../format/geometry.ts";
import { COMPRESS_NONE, compressionOf } from "../format/properties.ts";
import { CLASS_FAST, COPIES_MAX, DEVICE_STALE, DeviceEntry, DEVICES_MAX } from "../format/pool-table.ts";
import { decodeSuperblock, FEATURE_COMPRESSION, Superblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { isEncrypted } from "../encryption/keys.ts";
import { assignSegments, newDevice } from "../device/assign.ts";
import { BlockStore, DeviceSlot } from "../store/block-store.ts";
import { Layout } from "../store/layout.ts";
import { isFirstBatch } from "../log/read-log.ts";
import { Subvolume } from "../volume/subvolume.ts";
import { dropTransactions } from "../transaction/transaction.ts";
import { AuditLog } from "../audit/audit-log.ts";
import { Volume } from "../volume/volume.ts";
import type { MountOptions } from "../volume/mount-options.ts";

export interface FormatOptions {
  /** 16 bytes that no other volume has. */
  uuid: Uint8Array;
  /** Makes hashes of names differ between volumes; from chance, or fixed for images that are to be reproducible. */
  hashSeed: number;
  /** At most 63 bytes. */
  label?: string;
  /** Time that the root directory gets. */
  seconds?: number;
  /** Whose the root directory is; default: root's. */
  owner?: { uid: number; gid: number };
  /** What all files get that have no properties of their own (format/properties.ts). */
  properties?: number;
  /** Copies of each block, 1 … 3; on different devices when there are several. */
  copies?: number;
  /** Class of each device: CLASS_FAST, CLASS_SLOW. */
  classes?: readonly number[];
}

/** What a device of a volume has at least. */
export const DEVICE_BLOCKS_MIN = 1024;
const BLOCKS_MAX = 0xfffffff0;

/** Makes an empty volume of the whole of each device; 0 or why not. What they held is lost. */
export function format(device: BlockDevice | readonly BlockDevice[], options: FormatOptions): 0 | MountError {
  const devices = listOf(device);
  const copies = options.copies ?? 1;
  const sizes = devices.map(({ size }) => Math.min(Math.floor(size / BLOCK_SIZE), BLOCKS_MAX));
  if (sizes.some((blocks) => blocks < DEVICE_BLOCKS_MIN)) return "device-too-small";
  if (devices.length === 0 || devices.length > DEVICES_MAX || copies < 1 || copies > COPIES_MAX) return "unsupported";
  if (devices.length > 1 && copies > devices.length) return "devices-missing";

  const superblock = new Superblock();
  superblock.uuid.set(uuidWords(options.uuid));
  superblock.hashSeed = options.hashSeed >>> 0;
  superblock.label = options.label ?? "";
  superblock.nextSubvolume = 2;
  superblock.defaultSubvolume = 1;
  superblock.properties = options.properties ?? 0;
  superblock.copies = copies;
  if (compressionOf(superblock.properties) > COMPRESS_NONE) superblock.features |= FEATURE_COMPRESSION;
  if (devices.length > 1 || copies > 1) {
    superblock.table = { devices: [], segments: [] };
    sizes.forEach((blocks, index) =>
      superblock.table!.devices.push(newDevice(superblock, blocks, options.classes?.[index] ?? CLASS_FAST)),
    );
    assignSegments(superblock.table, copies, 0);
    if (superblock.table.segments.length === 0) return "device-too-small";
  }
  const slots = devices.map(
    (each, index) => new DeviceSlot(each, superblock.table?.devices[index] ?? new DeviceEntry()),
  );
  const layout = superblock.table === null ? Layout.ofDevice(0, sizes[0]!) : new Layout(superblock.table.segments);
  superblock.blocks = layout.end;
  Object.assign(superblock, layout.countEmpty());
  const store = new BlockStore(slots, 0, layout, [], []);
  try {
    // A superblock of an older volume with a higher generation would win.
    for (const each of devices) if (!eraseSuperblocks(each)) return "device-error";
    store.flush();
    const volume = new Volume(store, superblock, { seconds: options.seconds ?? 0, intentLog: false });
    volume.tree.initialize();
    volume.adopt(Subvolume.createEmpty(volume, 1, "root", 0, options.owner));
    return volume.commit() < 0 ? "device-error" : 0;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.kind === "no-space" ? "device-too-small" : "device-error";
  }
}

/** Makes a device no part of any volume. False when it cannot be written. */
function eraseSuperblocks(device: BlockDevice): boolean {
  const zeros = new Uint8Array(BLOCK_SIZE);
  return SUPERBLOCK_SLOTS.flat().every((slot) => device.write(slot * BLOCK_SIZE, zeros, 0, BLOCK_SIZE) >= 0);
}

/**
 * Mounts a volume: all of its devices, in any order. Frees what a crash left without a name, unless read-only. With
 * `degraded`, devices may be missing as long as each block has a copy on one of the others.
 */
export function mount(device: BlockDevice | readonly BlockDevice[], options: MountOptions = {}): Volume | MountError {
  const devices = listOf(device);
  const found = devices.map((each) => readSuperblock(each, options.olderThan));
  let newest: Superblock | null = null;
  for (const superblock of found) {
    if (typeof superblock === "string") continue;
    if (newest === null || superblock.generation > newest.generation) newest = superblock;
  }
  if (newest === null)
    return (found.find((each) => each !== "no-superblock") as MountError | undefined) ?? "no-superblock";
  if (newest.baseSpan !== 0) return "base-mismatch";
  const { table } = newest;
  if (table === null)
    return devices.length > 1 ? "foreign-device" : open(BlockStore.ofDevice(devices[0]!), newest, options);

  const slots = table.devices.map((entry) => new DeviceSlot(null, entry));
  for (const [at, superblock] of found.entries()) {
    // A device whose superblocks are gone cannot be told from a strange one: it has to be replaced.
    if (typeof superblock === "string") {
      if (options.degraded === true) continue;
      return "superblocks-missing";
    }
    const entry = table.devices[superblock.deviceIndex];
    const slot = slots[superblock.deviceIndex];
    const own = superblock.table?.devices[superblock.deviceIndex];
    if (
      entry === undefined ||
      slot === undefined ||
      own === undefined ||
      slot.device !== null ||
      !sameWords(superblock.uuid, newest.uuid) ||
      !sameWords(own.uuid, entry.uuid)
    )
      return "foreign-device";
    // It was written apart from the others, who went on without it: two histories cannot be joined.
    if (superblock.generation > entry.generation) return "diverged";
    // A crash between the superblocks of two devices leaves one behind that has all the content.
    if (entry.generation < newest.generation) entry.flags |= DEVICE_STALE;
    slot.device = devices[at]!;
  }
  const missing = slots.filter(({ device: present, entry }) => present === null && entry.blocks > 0);
  if (missing.length > 0) {
    if (options.degraded !== true) return "devices-missing";
    if (table.segments.some(({ places }) => places.every((place) => slots[place.device]!.device === null)))
      return "devices-missing";
    for (const { entry } of missing) entry.flags |= DEVICE_STALE;
  }
  if (slots.some(({ device: present, entry }) => present !== null && present.size < entry.blocks * BLOCK_SIZE))
    return "device-too-small";
  const store = new BlockStore(slots, 0, new Layout(table.segments), [], []);
  store.demoteStale();
  return open(store, newest, options);
}

/** Which of a volume's devices, by their places in the list, have no superblock that can be read. */
export function unreadDevices(devices: readonly BlockDevice[]): number[] {
  return devices.flatMap((each, at) => (typeof readSuperblock(each) === "string" ? [at] : []));
}

function listOf(device: BlockDevice | readonly BlockDevice[]): readonly BlockDevice[] {
  return "read" in device ? [device] : device;
}

function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  return a.every((word, index) => word === b[index]);
}

/**
 * Mounts a clone: `delta` takes the writes, everything else is read from `bases` (one image, or a stack of clones from
 * the bottom up), which are never written and must stay as they are. An empty delta becomes a clone of the base's
 * present state, in constant time and without a write before the first commit; one with content goes on where it was.
 */
export function mountOverlay(
  bases: BlockDevice | readonly BlockDevice[],
  delta: BlockDevice,
  options: MountOptions = {},
): Volume | MountError {
  const stack: readonly BlockDevice[] = "read" in bases ? [bases] : bases;
  const starts: number[] = [];
  let base: Superblock | null = null;
  let span = 0;
  for (const device of stack) {
    const superblock = readSuperblock(device);
    if (typeof superblock === "string") return superblock;
    if (superblock.baseSpan !== span || (base !== null && !isBaseOf(base, superblock))) return "base-mismatch";
    // A base is read by block numbers alone.
    if (superblock.table !== null) return "unsupported";
    // A clone reads trees alone.
    if (hasLogged(device, superblock, span)) return "needs-recovery";
    starts.push(span);
    span = Math.ceil((span + superblock.blocks) / GROUP_BLOCKS) * GROUP_BLOCKS;
    base = superblock;
  }
  if (base === null) return "base-mismatch";
  const store = BlockStore.ofDevice(delta, span, stack, starts);
  let superblock = readSuperblock(delta);
  if (superblock === "no-superblock") {
    const blocks = Math.min(Math.floor(delta.size / BLOCK_SIZE), BLOCKS_MAX - span);
    if (blocks < DEVICE_BLOCKS_MIN) return "device-too-small";
    superblock = cloneOf(base, span, blocks);
  } else if (typeof superblock === "string") return superblock;
  else if (superblock.baseSpan !== span || superblock.table !== null || !isBaseOf(base, superblock))
    return "base-mismatch";
  return open(store, superblock, options);
}

/** Is something in the intent log that the trees do not have? */
function hasLogged(device: BlockDevice, { logStart, logBlocks, generation }: Superblock, first: number): boolean {
  const bytes = new Uint8Array(BLOCK_SIZE);
  if (logBlocks === 0 || device.read((logStart - first) * BLOCK_SIZE, bytes, 0, BLOCK_SIZE) < 0) return false;
  return isFirstBatch(new Uint32Array(bytes.buffer), generation);
}

function cloneOf(base: Superblock, span: number, blocks: number): Superblock {
  const clone = new Superblock();
  clone.uuid.set(base.uuid);
  clone.generation = base.generation;
  clone.blocks = blocks;
  clone.baseSpan = span;
  Object.assign(clone, Layout.ofDevice(span, blocks).countEmpty());
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
  clone.compatible = base.compatible;
  clone.label = base.label;
  return clone;
}

function isBaseOf(base: Superblock, clone: Superblock): boolean {
  return (
    clone.baseGeneration === base.generation &&
    clone.baseChecksum === base.checksum &&
    clone.baseUuid.every((word, index) => word === base.uuid[index])
  );
}

function open(store: BlockStore, superblock: Superblock, options: MountOptions): Volume | MountError {
  if (superblock.table === null) {
    if (store.topBlocks < superblock.blocks) return "device-too-small";
    store.layout = Layout.ofDevice(store.topStart, superblock.blocks);
    // The superblock keeps them for a device without a table.
    store.devices[0]!.entry.errors = superblock.errors;
  }
  const volume = new Volume(store, superblock, options);
  if (options.asFound === true) return volume;
  try {
    const root = volume.root;
    if (options.ignoreLog !== true || !volume.readOnly) volume.recover();
    if (!volume.readOnly) {
      AuditLog.attach(volume);
      const failed = (options.keepsOrphans === true ? 0 : root.freeOrphans()) || dropTransactions(volume);
      if (failed < 0) return "corrupt";
      // What came from the log is durable before the log is used again.
      if (volume.log.blocks === 0 && superblock.logBlocks > 0 && volume.commit() < 0) return "device-error";
    }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.kind === "io" ? "device-error" : "corrupt";
  }
  return volume;
}

/** The newest valid superblock of a device, of a generation below `olderThan`. */
export function readSuperblock(device: BlockDevice, olderThan = Infinity): Superblock | MountError {
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
      else if (
        superblock !== "invalid" &&
        superblock.generation < olderThan &&
        (newest === null || superblock.generation > newest.generation)
      )
        newest = superblock;
    }
  }
  if (newest !== null) return newest;
  if (isEncrypted(device)) return "encrypted";
  return unsupported ? "unsupported" : readable ? "no-superblock" : "device-error";
}

function uuidWords(uuid: Uint8Array): Uint32Array {
  const bytes = new Uint8Array(16);
  bytes.set(uuid.subarray(0, 16));
  return new Uint32Array(bytes.buffer);
}
