/**
 * Bits flipped at random in whatever a volume uses, on one copy or on all of them, then repaired. Whatever was hit:
 * afterwards no byte reads as anything else than it was (an error instead), no inode and no name is gone without a line
 * of the report that names it, and a repair that lost something does not say that all is well. A repair that only looks
 * says the same and writes nothing.
 *
 *     npm run sim:aegisfs:repair -- [--rounds N] [--seed S]
 */
import { EIO, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { check, COMPRESS_LZ4, exitOf, format, mount, repair, ROOT_INO, withCompression } from "../aegisfs.ts";
import type { Loss, RepairResult, Subvolume, Volume } from "../aegisfs.ts";
import { Attributes } from "../file/attributes.ts";
import { DirectoryEntry } from "../file/directory.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { numberOption, tellProgress } from "./command-options.ts";
import { mountedVolume } from "./fresh-volume.ts";
import { Workload } from "./workload.ts";

const BLOCK = 4096;

interface RepairOutcome {
  /** Files and names that were there. */ readonly kept: number;
  readonly lost: number;
  readonly refused: boolean;
}

interface Known {
  readonly mode: number;
  readonly size: number;
  readonly bytes: Uint8Array | string;
}

/** What a subvolume holds: inodes by number, and names by path. */
interface Inventory {
  readonly inodes: Map<number, Known>;
  readonly names: Map<string, number>;
}

/** Counts what changes it, whatever it is changed to. */
class CountingDevice extends MemoryBlockDevice {
  changes = 0;

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.changes++;
    return super.write(offset, bytes, at, length);
  }

  override resize(size: number): number {
    this.changes++;
    return super.resize(size);
  }

  override discard(offset: number, length: number): void {
    this.changes++;
    super.discard(offset, length);
  }
}

/** Throws at the first thing that is wrong and not named. */
export function simulateRepair(seed: number): RepairOutcome {
  const random = new SeededRandom(seed);
  const copies = 1 + (seed % 2);
  // Every fourth volume is on two devices, every eighth compressed, every eighth has quotas.
  const isPool = seed % 8 >= 6;
  const size = (copies === 1 ? 6 : 12) << 20;
  const devices = isPool ? [new CountingDevice(size), new CountingDevice(size)] : [new CountingDevice(size)];
  const properties = seed % 8 === 4 ? withCompression(0, COMPRESS_LZ4, 0) : 0;
  if (format(devices, { uuid: new Uint8Array(16).fill(6), hashSeed: seed, copies, properties }) !== 0)
    throw new Error("format failed");
  const volume = mountedVolume(mount(devices));
  if (seed % 8 === 5) volume.root.setQuotas(true);
  const workload = new Workload(random, volume.root, { sizeMax: random.below(3) === 0 ? 200_000 : 30_000, names: 40 });
  for (let step = 50 + random.below(250); step > 0; step--) workload.step();
  if (random.below(2) === 0) {
    volume.snapshot(volume.root, "snapshot", { readOnly: true });
    for (let step = random.below(100); step > 0; step--) workload.step();
  }
  if (random.below(3) === 0)
    for (let file = 0; file < random.below(2000); file++)
      volume.root.create(ROOT_INO, `many${file}`, S_IFREG | 0o600, 0, 0);
  volume.sync();
  const before = inventoryOf(volume);
  // The state of the commit before: all of it is still there.
  const older = mount(devices, { readOnly: true, asFound: true, olderThan: volume.superblock.generation });
  const beforeThat = typeof older === "string" ? before : inventoryOf(older);
  const spare = volume.subvolumeIds();
  damage(volume, devices, random);
  const where = `seed ${seed}, ${copies} ${copies === 1 ? "copy" : "copies"}`;

  for (const device of devices) device.changes = 0;
  const looked = repair(devices, { dryRun: true });
  if (devices.some(({ changes }) => changes > 0)) throw new Error(`${where}: a repair that only looks has written`);
  const result = repair(devices);
  if (typeof result === "string" || typeof looked === "string") {
    if (result !== looked) throw new Error(`${where}: ${String(result)}, but only looking: ${String(looked)}`);
    return { kept: 0, lost: spare.length, refused: true };
  }
  if (JSON.stringify(looked.losses) !== JSON.stringify(result.losses))
    throw new Error(
      `${where}: only looking said ${JSON.stringify(looked.losses).slice(0, 300)}, not ` +
        `${JSON.stringify(result.losses).slice(0, 300)}`,
    );
  if (result.left.length > 0) return { kept: 0, lost: 1, refused: true };
  const problems = check(devices, { data: true });
  if (typeof problems === "string" || problems.some(({ what }) => !what.startsWith("data ")))
    throw new Error(`${where}: after the repair: ${JSON.stringify(problems).slice(0, 400)}`);
  const after = mountedVolume(mount(devices, { readOnly: true }));
  let lost = 0;
  let kept = 0;
  const wentBack = result.fixed.some(({ what }) => what.startsWith("went back"));
  for (const [id, known] of wentBack ? beforeThat : before) {
    const files = after.subvolume(id);
    if (files === null) {
      if (!result.losses.some(({ what }) => what === "subvolume"))
        throw new Error(`${where}: subvolume ${id} is gone without a word`);
      lost++;
      continue;
    }
    const told = (missing: number, what: string): void => {
      lost++;
      if (missing < 0)
        throw new Error(
          `${where}, subvolume ${id}: ${what}, and nothing says so: ${JSON.stringify(result.losses).slice(0, 600)}`,
        );
    };
    for (const [ino, own] of known.inodes) {
      const line = compareInode(files, ino, own, result, id);
      if (line === null) kept++;
      else told(isNamed(result, id, ino, null) ? 1 : -1, `inode ${ino}: ${line}`);
    }
    for (const [path, ino] of known.names) {
      if (walk(files, path) === ino) kept++;
      else told(isNamed(result, id, ino, path) ? 1 : -1, `${path} (inode ${ino}) is gone`);
    }
  }
  if (lost > 0 && exitOf(result) !== 4)
    throw new Error(`${where}: something is lost, and the repair ends with status ${exitOf(result)}`);
  return { kept, lost, refused: false };
}

/** Null when the inode is as it was; else what is missing of it. Throws for other content than it had. */
function compareInode(
  files: Subvolume,
  ino: number,
  known: Known,
  { losses }: RepairResult,
  id: number,
): string | null {
  const attributes = new Attributes();
  if (files.stat(ino, attributes) < 0) return "is gone";
  if ((attributes.mode & S_IFMT) !== (known.mode & S_IFMT)) return "is of another kind";
  if (typeof known.bytes === "string") {
    const target = files.readlink(ino);
    if (typeof target === "string" && target !== known.bytes)
      throw new Error(`inode ${ino} of subvolume ${id}: leads to ${target}, not ${known.bytes}`);
    return typeof target === "string" ? null : "its target cannot be read";
  }
  if ((known.mode & S_IFMT) !== S_IFREG) return null;
  const block = new Uint8Array(BLOCK);
  let missing: string | null = null;
  for (let at = 0; at < known.size; at += BLOCK) {
    const count = files.read(ino, at, block, 0, BLOCK);
    if (count === -EIO) {
      const isTold = losses.some(
        (loss) =>
          loss.what === "content" && loss.subvolume === id && loss.ino === ino && loss.from <= at && loss.to > at,
      );
      if (!isTold)
        throw new Error(
          `inode ${ino} of subvolume ${id}: byte ${at} cannot be read, and nothing says so: ` +
            `${JSON.stringify(losses).slice(0, 400)}`,
        );
      missing = "cannot be read";
      continue;
    }
    if (count < 0) throw new Error(`inode ${ino} of subvolume ${id}: byte ${at}: ${count}`);
    for (let byte = 0; byte < Math.min(count, known.size - at); byte++) {
      if (block[byte] !== known.bytes[at + byte])
        throw new Error(
          `inode ${ino} of subvolume ${id}: byte ${at + byte} is ${block[byte]}, not ${known.bytes[at + byte]}`,
        );
    }
  }
  return Number(attributes.size) === known.size ? missing : `has ${Number(attributes.size)} bytes, not ${known.size}`;
}

function isNamed({ losses }: RepairResult, id: number, ino: number, path: string | null): boolean {
  return losses.some((loss: Loss) => {
    if (loss.what === "subvolume") return true;
    if (loss.subvolume !== id) return false;
    return (
      loss.ino === ino ||
      (loss.ino >= 0 && loss.lastIno >= ino && loss.ino <= ino) ||
      (path !== null && (loss.path === path || (loss.what === "name" && path.startsWith(loss.path ?? "?")))) ||
      (path !== null && loss.what === "metadata")
    );
  });
}

function walk(files: Subvolume, path: string): number {
  let ino: number = ROOT_INO;
  for (const name of path.slice(1).split("/")) ino = ino < 0 ? ino : files.lookup(ino, name);
  return ino;
}

function inventoryOf(volume: Volume): Map<number, Inventory> {
  return new Map(volume.subvolumeIds().map((id) => [id, inventory(volume.subvolume(id)!)]));
}

function inventory(files: Subvolume): Inventory {
  const inodes = new Map<number, Known>();
  const names = new Map<string, number>();
  const attributes = new Attributes();
  const visit = (ino: number, path: string): void => {
    if (files.stat(ino, attributes) < 0) throw new Error(`stat ${path}`);
    const { mode } = attributes;
    const size = Number(attributes.size);
    if (!inodes.has(ino)) {
      let bytes: Uint8Array | string = new Uint8Array((mode & S_IFMT) === S_IFREG ? size : 0);
      if ((mode & S_IFMT) === S_IFREG && files.read(ino, 0, bytes, 0, size) !== size) throw new Error(`read ${path}`);
      if ((mode & S_IFMT) === S_IFLNK) bytes = String(files.readlink(ino));
      inodes.set(ino, { mode, size, bytes });
    }
    if ((mode & S_IFMT) !== S_IFDIR) return;
    const entry = new DirectoryEntry();
    const children: [string, number][] = [];
    for (let cursor = 0; files.readDirectory(ino, cursor, entry) === 1; cursor = entry.nextCursor)
      children.push([entry.name, entry.ino]);
    for (const [name, child] of children) {
      names.set(`${path}/${name}`, child);
      visit(child, `${path}/${name}`);
    }
  };
  visit(ROOT_INO, "");
  return { inodes, names };
}

/**
 * Flips bits in blocks that are in use: one here and there, or all copies of one, or what a subvolume's tree or the
 * volume's begins with.
 */
function damage(volume: Volume, devices: readonly MemoryBlockDevice[], random: SeededRandom): void {
  interface Place {
    readonly device: number;
    readonly block: number;
  }
  const placesOf = (block: number): Place[] => {
    const { first, places } = volume.store.layout.segmentAt(block)!;
    return places.map((place) => ({ device: place.device, block: place.first + block - first }));
  };
  const blocks: number[] = [];
  for (const { first, blocks: count } of volume.store.layout.segments)
    for (let block = first; block < first + count; block++) if (volume.space.isAllocated(block)) blocks.push(block);
  const superblocks = new Set(SUPERBLOCK_SLOTS.flat());
  const flip = ({ device, block }: Place): void => {
    if (superblocks.has(block)) return;
    const byte = new Uint8Array(1);
    const offset = block * BLOCK + random.below(BLOCK);
    devices[device]!.read(offset, byte, 0, 1);
    byte[0]! ^= 1 << random.below(8);
    devices[device]!.write(offset, byte, 0, 1);
  };
  for (let flips = 1 + random.below(random.below(4) === 0 ? 60 : 6); flips > 0; flips--) {
    const places = placesOf(blocks[random.below(blocks.length)]!);
    if (random.below(2) === 0) for (const place of places) flip(place);
    else flip(places[random.below(places.length)]!);
  }
  if (random.below(4) === 0) {
    const root = volume.superblock.root[POINTER_AT_BLOCK]!;
    for (const block of random.below(2) === 0 ? [root] : [root, volume.superblock.rootCopy])
      for (const place of placesOf(block)) flip(place);
  }
  if (random.below(3) > 0) return;
  const ids = volume.subvolumeIds();
  const root = volume.subvolume(ids[random.below(ids.length)]!)!.tree.root[POINTER_AT_BLOCK]!;
  for (const place of placesOf(root)) flip(place);
}

if (process.argv[1] === import.meta.filename) {
  const rounds = numberOption("rounds", 1000);
  const first = numberOption("seed", 1);
  const total = { kept: 0, lost: 0, refused: 0 };
  let failed = 0;
  for (let round = 0; round < rounds && failed < 10; round++) {
    tellProgress(round, first + round);
    try {
      const { kept, lost, refused } = simulateRepair(first + round);
      total.kept += kept;
      total.lost += lost;
      if (refused) total.refused++;
    } catch (error) {
      failed++;
      console.error(error instanceof RangeError || error instanceof TypeError ? error : (error as Error).message);
      console.error(`repeat: npm run sim:aegisfs:repair -- --rounds 1 --seed ${first + round}`);
    }
  }
  console.log(
    `${total.kept} inodes and names kept, ${total.lost} lost and named, ${total.refused} volumes that repair ` +
      "left to people",
  );
  console.log(`${rounds - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
