/**
 * Disks that lie: they answer that a write is done, and it is lost, or has gone to another place, where it destroyed
 * what was there. A workload runs on such a disk; afterwards no file may show anything else than what was written.
 * Where a second copy exists, everything is there and is mended; where none does, what is lost is an error for who
 * reads it and has its name in `check`, and repair leaves a whole volume.
 */
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { EIO, EUCLEAN } from "@stratos/abi";
import { check, format, health, mount, repair, ROOT_INO, Scrub } from "../aegisfs.ts";
import type { FormatOptions, Subvolume, Volume } from "../aegisfs.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { dumpSubvolume, withoutTimes } from "./dump.ts";
import type { Contents } from "./dump.ts";
import { ForwardingDevice } from "./forwarding-device.ts";
import { mountedVolume } from "./fresh-volume.ts";
import { difference, Workload } from "./workload.ts";

const BLOCK = 4096;
/**
 * Nothing is read back while the disk lies: what a program sees of a volume whose disk is at fault is another test's
 * subject.
 */
const LARGE_CACHES = { cacheNodes: 4096, dirtyNodes: 4096, cachePages: 4096, pendingChanges: 100_000 };

/**
 * Loses or misplaces a share of the writes that it is given while `faults` is above 0. At most one of the superblock's
 * two places on it is hit: a disk that loses both shows the commit before, whole, and nothing else tells that there was
 * a later one.
 */
class LyingDisk extends ForwardingDevice {
  readonly #random: SeededRandom;
  /** Faults that are still to come, and the mean number of writes between them. */
  faults = 0;
  #writesBetween = 1;
  #superblocks = 0;
  told = "";

  constructor(device: MemoryBlockDevice, random: SeededRandom) {
    super(device);
    this.#random = random;
  }

  lie(faults: number, writesBetween: number): void {
    this.faults = faults;
    this.#writesBetween = writesBetween;
  }

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const random = this.#random;
    if (this.faults === 0 || random.below(this.#writesBetween) > 0) return super.write(offset, bytes, at, length);
    this.faults--;
    // Of a long write a part may go astray: the disk sees it in pieces.
    const whole = length <= BLOCK || random.below(2) === 0;
    const skipped = whole ? 0 : random.below(Math.floor(length / BLOCK)) * BLOCK;
    const lost = whole ? length : Math.min(length - skipped, BLOCK * (1 + random.below(4)));
    if (skipped > 0) super.write(offset, bytes, at, skipped);
    if (skipped + lost < length)
      super.write(offset + skipped + lost, bytes, at + skipped + lost, length - skipped - lost);
    const from = offset + skipped;
    const isLost = random.below(3) === 0;
    const near = from + (random.below(128) - 64) * BLOCK;
    const to =
      random.below(2) === 0 && near >= 0 && near + lost <= this.size
        ? near
        : random.below(Math.floor((this.size - lost) / BLOCK)) * BLOCK;
    const superblocks = superblocksIn(from, lost) + (isLost ? 0 : superblocksIn(to, lost));
    if (this.#superblocks + superblocks > 1) {
      this.faults++;
      return super.write(from, bytes, at + skipped, lost);
    }
    this.#superblocks += superblocks;
    if (isLost) {
      this.told += `${lost} bytes for ${from} lost; `;
      return 0;
    }
    this.told += `${lost} bytes for ${from} written to ${to}; `;
    return super.write(to, bytes, at + skipped, lost);
  }
}

function superblocksIn(offset: number, length: number): number {
  return SUPERBLOCK_SLOTS.flat().filter((block) => block * BLOCK < offset + length && (block + 1) * BLOCK > offset)
    .length;
}

/** How the volume is kept, and what must hold then. */
export type StrayKind = "one copy" | "two copies" | "two devices";

/** Of two copies on one disk a second fault might take the other one; a disk beside a good one may lie as it likes. */
const FAULTS_MAX: Readonly<Record<StrayKind, number>> = { "one copy": 3, "two copies": 1, "two devices": 30 };

export interface StrayOutcome {
  readonly faults: number;
  /** Did a reader meet an error (one copy only)? */
  readonly named: boolean;
  readonly repairedBlocks: number;
}

/**
 * Runs one workload on a lying disk. Throws when something is not as it must be, with the seed and the faults.
 *
 * @param faultsMax  more than the volume is made for is a planted fault: it must throw
 */
export function simulateStrayWrites(seed: number, kind: StrayKind, faultsMax: number = FAULTS_MAX[kind]): StrayOutcome {
  const random = new SeededRandom(seed);
  const raw =
    kind === "two devices"
      ? [new MemoryBlockDevice(8 << 20), new MemoryBlockDevice(8 << 20)]
      : [new MemoryBlockDevice(kind === "one copy" ? 8 << 20 : 16 << 20)];
  const options: FormatOptions = {
    uuid: new Uint8Array(16).fill(5),
    hashSeed: seed >>> 0,
    ...(kind === "one copy" ? {} : { copies: 2 }),
  };
  const failed = format(raw, options);
  if (failed !== 0) throw new Error(failed);
  const liar = new LyingDisk(raw[0]!, random);
  try {
    return runOn(raw, liar, random, kind, faultsMax);
  } catch (error) {
    throw new Error(`seed ${seed}, ${kind}: ${liar.told || "no faults yet"}`, { cause: error });
  }
}

function runOn(
  raw: readonly MemoryBlockDevice[],
  liar: LyingDisk,
  random: SeededRandom,
  kind: StrayKind,
  faultsMax: number,
): StrayOutcome {
  const volume = mountedVolume(mount([liar, ...raw.slice(1)], LARGE_CACHES));
  const workload = new Workload(random, volume.root, { sizeMax: 60_000, names: 20 });
  for (let step = 0; step < 100; step++) workload.step();
  must(volume.sync(), "sync");
  const faults = 1 + random.below(faultsMax);
  liar.lie(faults, 1 + random.below(Math.ceil(90 / faultsMax)));
  try {
    for (let step = 0; step < 60; step++) workload.step();
  } catch (error) {
    // Who overwrites a part of a block has it read.
    if (kind === "one copy" && / -(5|117), expected/.test((error as Error).message))
      return { faults: faults - liar.faults, named: true, repairedBlocks: 0 };
    throw error;
  }
  // What one copy has in its log may be lost without a trace: a log ends where its next record is missing.
  const byLog = kind !== "one copy" && random.below(2) === 0;
  if (byLog) for (const ino of [ROOT_INO, ...regularFiles(volume.root)]) must(volume.root.fsync(ino), "fsync");
  else must(volume.sync(), "sync");
  const done = faults - liar.faults;
  liar.faults = 0;
  const expected = byLog ? withoutTimes(workload.model.dump()) : workload.model.dump();
  return kind === "one copy"
    ? verifyAlone(raw[0]!, expected, workload, done)
    : verifyCopies(raw, expected, byLog, done);
}

/**
 * Two copies: nothing is missing, a scrub mends what was lost, and the disk that lied is as good as the other one then.
 */
function verifyCopies(
  raw: readonly MemoryBlockDevice[],
  expected: string,
  byLog: boolean,
  faults: number,
): StrayOutcome {
  const shown = (volume: Volume): string =>
    byLog ? withoutTimes(dumpSubvolume(volume.root)) : dumpSubvolume(volume.root);
  const found = mountedVolume(mount(raw));
  same(expected, shown(found), "after the faults");
  must(found.sync(), "sync after the faults");
  const scrub = new Scrub(found);
  while (must(scrub.step(1000), "scrub") === 1);
  if (scrub.damage.length > 0) throw new Error(`lost for the scrub: ${JSON.stringify(scrub.damage)}`);
  must(found.sync(), "sync after the scrub");
  isClean(raw);
  same(
    expected,
    shown(mountedVolume(mount(raw.slice(0, 1), { readOnly: true, degraded: true }))),
    "of the device that lied, alone",
  );
  return {
    faults,
    named: false,
    repairedBlocks: health(found).devices.reduce((sum, { errors }) => sum + errors.repairedBlocks, 0),
  };
}

function verifyAlone(device: MemoryBlockDevice, expected: string, workload: Workload, faults: number): StrayOutcome {
  const found = mount(device, { readOnly: true });
  // A volume whose roots are lost says so when it is mounted.
  if (typeof found === "string") return { faults, named: true, repairedBlocks: 0 };
  let named = readsRight(found, workload);
  if (!named) {
    try {
      same(expected, dumpSubvolume(found.root), "after the faults");
    } catch (error) {
      if (!/: -(5|117)$|^read /.test((error as Error).message)) throw error;
      named = true;
    }
  }
  const problems = check(device, { data: true });
  if (named && typeof problems !== "string" && problems.length === 0)
    throw new Error("a reader met an error, and check finds none");
  const repaired = repair(device);
  if (typeof repaired === "string") return { faults, named, repairedBlocks: 0 };
  if (repaired.left.length > 0) throw new Error(`left by repair: ${JSON.stringify(repaired.left).slice(0, 400)}`);
  if (named && repaired.found.length + repaired.lost.length === 0)
    throw new Error("a reader met an error, and repair found none");
  isClean([device], repaired.lost.length > 0);
  readsRight(mountedVolume(mount(device, { readOnly: true })), workload, true);
  return { faults, named, repairedBlocks: repaired.fixed.length };
}

/**
 * Reads each file of the model by its name: right, or an error.
 *
 * @param afterRepair  names may be gone, and contents be cut or have holes
 * @returns true when there was an error
 */
function readsRight(volume: Volume, workload: Workload, afterRepair = false): boolean {
  let named = false;
  const bytes = new Uint8Array(1 << 20);
  const visit = (inode: Workload["model"]["root"], ino: number, path: string): void => {
    for (const [name, child] of inode.names) {
      const number = volume.root.lookup(ino, name);
      if (number < 0) {
        if (!isDamage(number) && !afterRepair) throw new Error(`${path}/${name}: ${number}`);
        named = true;
        continue;
      }
      if (child.isDirectory) visit(child, number, `${path}/${name}`);
      if (!child.isRegular) continue;
      const read = volume.root.read(number, 0, bytes, 0, bytes.length);
      if (read < 0) {
        if (!isDamage(read)) throw new Error(`read ${path}/${name}: ${read}`);
        named = true;
      } else if (afterRepair) named ||= !isPartOf(bytes, read, child.content);
      else if (read !== child.content.length || !isPartOf(bytes, read, child.content))
        throw new Error(`${path}/${name}: other content than was written`);
    }
  };
  visit(workload.model.root, ROOT_INO, "");
  return named;
}

/** Content that no checksum confirms, or a part of a tree. */
function isDamage(result: number): boolean {
  return result === -EIO || result === -EUCLEAN;
}

function isPartOf(bytes: Uint8Array, length: number, content: Uint8Array): boolean {
  for (let index = 0; index < length; index++) if (bytes[index] !== content[index]) return false;
  return true;
}

/** @param isLossy  blocks of files that no copy has remain in their places, and are named */
function isClean(devices: readonly MemoryBlockDevice[], isLossy = false): void {
  const problems = check(devices, { data: !isLossy });
  if (typeof problems === "string" || problems.length > 0)
    throw new Error(`check: ${JSON.stringify(problems).slice(0, 600)}`);
}

function regularFiles(files: Subvolume): IterableIterator<number> {
  const seen: Contents = new Map();
  dumpSubvolume(files, seen);
  return seen.keys();
}

function same(expected: string, found: string, when: string): void {
  if (expected !== found) throw new Error(`${when}:\n${difference(expected, found)}`);
}

function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${result}`);
  return result;
}
