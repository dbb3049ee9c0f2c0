/**
 * A volume that is full, used as people use it then: fill it with files of all sizes, take snapshots of it, delete in
 * random order, delete snapshots, roll back, clone, grow, add a device, cut the power at any flush, go on. It never
 * gets stuck, loses nothing, and all of its space comes back:
 *
 *   - deleting a snapshot, rolling back, growing, adding a device, setting limits and properties work however full it
 *     is
 *   - without snapshots every file can be removed; with them the refusal is ENOSPC, and removing them ends it
 *   - what a power cut leaves is a state that there was since the last commit, whole under `check`
 *   - no operation that was begun fails for want of space: the volume would have failed with it
 *   - statfs is honest: what it calls free can be written
 *
 *     node packages/aegisfs/src/testing/full-volume.ts [--rounds N] [--seed S] [--mib M]      volumes of M MiB instead
 *     of 4 … 30, most of which are small
 */
import { ENOSPC, EDQUOT, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { SimulatedCipher } from "@stratos/host";
import {
  addDevice,
  AuditLog,
  COMPRESS_LZ4,
  DirectoryEntry,
  EncryptedDevice,
  format,
  mount,
  QUOTA_USER,
  removeDevice,
  resizeDevice,
  ROOT_INO,
  Transaction,
  withCompression,
} from "../aegisfs.ts";
import type { FormatOptions, MountOptions, Subvolume, Volume } from "../aegisfs.ts";
import { checkVolume } from "../check/check.ts";
import { Attributes, ATTRIBUTE_MODE } from "../file/attributes.ts";
import { numberOption, tellProgress } from "./command-options.ts";
import { CrashDisk } from "./crash-disk.ts";
import { difference, FlatFile, FlatFiles, someContent } from "./flat-files.ts";

interface FullVolumeOptions {
  seed: number;
  /** Size of the volume in MiB; default: by the seed, 4 … 24. */
  mib?: number;
}

interface FullVolumeOutcome {
  readonly operations: number;
  readonly refused: number;
  readonly crashes: number;
}

const MIB = 1 << 20;
const SIZES: readonly number[] = [1, 200, 2048, 3000, 4096, 20_000, 60_000, 300_000, MIB];
const SNAPSHOTS_MAX = 5;
const DEVICES_MAX = 3;
const COST = { derivation: { kind: "scrypt", logN: 4, r: 8, p: 1 } } as const;

/** The power went. */
class PowerCut extends Error {}

interface Snapshot {
  readonly id: number;
  readonly files: FlatFiles;
}

/** Where files are read into; the largest have 1 MiB. */
const scratch = new Uint8Array(2 * MIB);

class FullVolume {
  readonly #random: SeededRandom;
  readonly #seed: number;
  readonly #cipher: SimulatedCipher | null;
  readonly #mountOptions: MountOptions;
  #disks: CrashDisk[];
  #volume!: Volume;
  #files = new FlatFiles();
  #snapshots: Snapshot[] = [];
  #open = new Map<FlatFile, number>();
  #generation = 0;
  /** Digests of the states that there were since the last commit, and that before the operation that goes on. */
  #states = new Set<number>();
  #before = 0;
  /** Names that it changes. */
  #touched: readonly string[] = [];
  #flushesLeft = -1;
  /** What the power cut left, once it came: what the engine does on its way out reaches no disk. */
  #left: CrashDisk[] | null = null;
  #number = 0;
  #last = "";
  operations = 0;
  refused = 0;
  crashes = 0;

  constructor({ seed, mib }: FullVolumeOptions) {
    this.#seed = seed;
    const random = (this.#random = new SeededRandom(seed));
    const kind = seed % 8;
    const smallest = kind === 3 || kind === 6 ? 8 : 4;
    // Most volumes are as small as they can be: their ends are as many, and cost less.
    const size =
      mib !== undefined
        ? mib * MIB
        : random.below(24) > 0
          ? smallest * MIB + random.below(256) * 4096
          : (smallest + 1 + random.below(random.below(4) === 0 ? 21 : 6)) * MIB;
    this.#cipher = kind === 5 ? new SimulatedCipher(seed) : null;
    this.#disks = [new CrashDisk(kind === 5 ? size + (size >> 6) + (1 << 17) : size)];
    const options: FormatOptions = { uuid: new Uint8Array(16).fill(7), hashSeed: seed };
    if (kind === 2 || kind === 6) options.properties = withCompression(0, COMPRESS_LZ4, 0);
    if (kind === 3 || kind === 6) options.copies = 2;
    if (this.#cipher !== null) {
      const sealed = EncryptedDevice.create(this.#disks[0]!, this.#cipher, options.uuid, new Uint8Array(4), COST);
      if (typeof sealed === "string") throw this.#error(`no encrypted device: ${sealed}`);
    }
    const failed = format(this.#devices(), options);
    if (failed !== 0) throw this.#error(`format: ${failed}`);
    this.#mountOptions = {
      cacheNodes: 16 + random.below(100),
      cacheInodes: 64 + random.below(500),
      cacheEntries: 64 + random.below(500),
      cachePages: 16 + random.below(300),
      dirtyNodes: random.below(2) === 0 ? 20 + random.below(50) : 512,
      pendingChanges: random.below(2) === 0 ? 8 + random.below(50) : 1000,
    };
    this.#volume = this.#mounted();
    if (kind === 4) this.#volume.root.setQuotas(true);
    if (kind === 7 && AuditLog.enable(this.#volume) < 0) throw this.#error("no audit log");
    this.#volume.sync();
    this.#watch();
    this.#wasCommitted();
  }

  get #root(): Subvolume {
    return this.#volume.root;
  }

  #error(what: string, cause?: unknown): Error {
    if (this.#volume === undefined) return new Error(`seed ${this.#seed}: ${what}`, { cause });
    const { references, space } = this.#volume;
    const counts =
      `${space.availableQuads} of ${space.freeQuads} quads and ${space.availableBlocks} of ${space.freeBlocks} ` +
      `blocks free, ${references.records} records of owners`;
    return new Error(`seed ${this.#seed}, operation ${this.operations} (${this.#last}): ${what} (${counts})`, {
      cause,
    });
  }

  #devices(disks: readonly BlockDevice[] = this.#disks): BlockDevice[] {
    return disks.map((disk) => {
      if (this.#cipher === null) return disk;
      const opened = EncryptedDevice.open(disk, this.#cipher, new Uint8Array(4));
      if (typeof opened === "string") throw this.#error(`encrypted device: ${opened}`);
      return opened.device;
    });
  }

  #mounted(disks: readonly BlockDevice[] = this.#disks): Volume {
    const volume = mount(this.#devices(disks), this.#mountOptions);
    if (typeof volume === "string") throw this.#error(`mount: ${volume}`);
    return volume;
  }

  // ---- What is durable --------------------------------------------------------------------------------------------

  #watch(): void {
    for (const disk of this.#disks) disk.onFlush = (): void => this.#flushed();
  }

  #flushed(): void {
    this.#states.add(this.#files.digest);
    if (this.#flushesLeft <= 0 || --this.#flushesLeft > 0) return;
    this.#left = this.#disks.map((disk) => CrashDisk.after(disk.crashAnyhow(this.#random)));
    throw new PowerCut();
  }

  #wasCommitted(): void {
    this.#generation = this.#volume.superblock.generation;
    this.#states = new Set([this.#files.digest]);
  }

  /** Everything is durable, and nothing else can be left by a crash. */
  #commit(): void {
    this.#last = "commit";
    const result = this.#volume.commit();
    if (result < 0) throw this.#error(`commit: ${result}`);
    this.#wasCommitted();
  }

  /**
   * Each operation begins here, and ends with `#did`: states are told apart by what was done, and what an operation may
   * have made durable by the generation.
   */
  #doing(what: string, ...touched: string[]): void {
    this.#last = what;
    this.#touched = touched;
    this.operations++;
    this.#before = this.#files.digest;
    this.#states.add(this.#before);
  }

  #did(): void {
    this.#states.add(this.#files.digest);
    if (this.#volume.failure !== null) throw this.#error(`the volume has failed: ${this.#volume.failure.kind}`);
    if (this.#volume.superblock.generation === this.#generation) return;
    // What came before that commit cannot come back; what this operation did may be in it or not.
    this.#generation = this.#volume.superblock.generation;
    this.#states = new Set([this.#before, this.#files.digest]);
  }

  #crash(left: CrashDisk[]): void {
    this.crashes++;
    this.#last = `crash after ${this.#last}`;
    this.#states.add(this.#files.digest);
    this.#disks = left;
    this.#left = null;
    this.#flushesLeft = -1;
    this.#volume = this.#mounted();
    this.#open.clear();
    const found = this.#read(this.#root, this.#files);
    if (!this.#states.has(found.digest) && !this.#isWithin(found))
      throw this.#error(`what is left is no state since the last commit: ${difference(this.#files, found)}`);
    this.#files = found;
    this.#check();
    this.#volume = this.#mounted();
    this.#snapshots = this.#snapshots.filter(({ id }) => this.#volume.subvolumeIds().includes(id));
    this.#watch();
    this.#wasCommitted();
    this.#dropStrangers();
  }

  /** May the operation that the crash cut be in it, in part or whole? */
  #isWithin(found: FlatFiles): boolean {
    const changed = new Set(this.#touched.map((name) => this.#files.names.get(name)));
    for (const name of new Set([...this.#files.names.keys(), ...found.names.keys()])) {
      const file = this.#files.names.get(name);
      const other = found.names.get(name);
      if (this.#touched.includes(name) || (file !== undefined && changed.has(file))) continue;
      if (file === undefined || other === undefined || file.sum !== other.sum || file.note !== other.note) return false;
    }
    return true;
  }

  /** A snapshot of which the crash took only the news is not known by its number: it goes. */
  #dropStrangers(): void {
    for (const id of this.#volume.subvolumeIds()) {
      if (id === this.#root.id || this.#snapshots.some((snapshot) => snapshot.id === id)) continue;
      const result = this.#volume.deleteSubvolume(id);
      if (result < 0) throw this.#error(`deletion of a snapshot after a crash: ${result}`);
    }
    this.#wasCommitted();
  }

  /** All files as the volume has them. What is as expected is not copied. */
  #read(files: Subvolume, expected: FlatFiles): FlatFiles {
    const found = new FlatFiles();
    const entry = new DirectoryEntry();
    const known = new Map<number, FlatFile>();
    const attributes = new Attributes();
    for (let cursor = 0; files.readDirectory(ROOT_INO, cursor, entry) === 1; cursor = entry.nextCursor) {
      let file = known.get(entry.ino);
      if (file === undefined) {
        const got = files.stat(entry.ino, attributes);
        if (got < 0) throw this.#error(`stat of ${entry.name}: ${got}`);
        const size = Number(attributes.size);
        if (size > scratch.length) throw this.#error(`${entry.name} has ${size} bytes`);
        const count = files.read(entry.ino, 0, scratch, 0, size);
        if (count !== size) throw this.#error(`read of ${entry.name}: ${count} of ${size}`);
        file = FlatFile.like(scratch.subarray(0, size), expected.names.get(entry.name));
        const note = files.getXattr(entry.ino, "user.note");
        if (typeof note !== "number") file.note = note.length;
        known.set(entry.ino, file);
      }
      found.put(entry.name, file);
    }
    return found;
  }

  #check(): void {
    const found = mount(this.#devices(), {
      readOnly: true,
      asFound: true,
      degraded: true,
      cacheInodes: 64,
      cacheEntries: 64,
      cachePages: 16,
      cacheNodes: 64,
    });
    if (typeof found === "string") throw this.#error(`mount for check: ${found}`);
    const problems = checkVolume(found, { data: true });
    if (problems.length > 0) throw this.#error(`check: ${JSON.stringify(problems.slice(0, 4))}`);
  }

  #compare(): void {
    const found = this.#read(this.#root, this.#files);
    if (found.digest !== this.#files.digest)
      throw this.#error(`other files than were made: ${difference(this.#files, found)}`);
    for (const { id, files } of this.#snapshots) {
      const snapshot = this.#volume.subvolume(id);
      if (snapshot === null) throw this.#error(`snapshot ${id} is gone`);
      const kept = this.#read(snapshot, files);
      if (kept.digest !== files.digest) throw this.#error(`snapshot ${id} has changed: ${difference(files, kept)}`);
    }
  }

  // ---- Operations -------------------------------------------------------------------------------------------------

  #pick(): string | null {
    const { names } = this.#files;
    if (names.size === 0) return null;
    let left = this.#random.below(names.size);
    for (const name of names.keys()) if (left-- === 0) return name;
    return null;
  }

  #ino(name: string): number {
    const ino = this.#root.lookup(ROOT_INO, name);
    if (ino < 0) throw this.#error(`${name} is not there: ${ino}`);
    return ino;
  }

  #content(size: number): Uint8Array {
    return someContent(this.#random, size);
  }

  /** A change that may be refused for want of space. Returns whether it was made. */
  #allowed(result: number): boolean {
    if (result >= 0) return true;
    if (result !== -ENOSPC && result !== -EDQUOT) throw this.#error(`${result}`);
    this.refused++;
    return false;
  }

  /** Makes a file. Returns whether there was space for all of it. */
  #write(size: number): boolean {
    const name = `f${this.#number++}${this.#random.below(12) === 0 ? "n".repeat(200) : ""}`;
    this.#doing(`create ${name}`, name);
    const ino = this.#root.create(ROOT_INO, name, S_IFREG | 0o644, this.#random.below(3), 0);
    if (!this.#allowed(ino)) {
      this.#did();
      return false;
    }
    const file = new FlatFile(new Uint8Array(0));
    this.#files.put(name, file);
    this.#did();
    return this.#rewrite(ino, file, this.#content(size), name);
  }

  #rewrite(ino: number, file: FlatFile, bytes: Uint8Array, name: string): boolean {
    this.#doing(`write ${name} ${bytes.length}`, name);
    const done = this.#root.write(ino, 0, bytes, 0, bytes.length);
    const isWhole = this.#allowed(done) && done === bytes.length;
    if (done > 0) {
      let after = bytes.subarray(0, done);
      if (done < file.bytes.length) {
        after = file.bytes.slice();
        after.set(bytes.subarray(0, done));
      }
      this.#files.change(file, after);
    }
    this.#did();
    return isWhole;
  }

  #unlink(name: string): boolean {
    this.#doing(`unlink ${name}`, name);
    const gone = this.#allowed(this.#root.unlink(ROOT_INO, name));
    if (gone) this.#files.remove(name);
    this.#did();
    if (!gone && this.#snapshots.length === 0)
      throw this.#error("a file cannot be removed, and there is no snapshot that would keep its space");
    return gone;
  }

  #fill(): void {
    const { below } = { below: (bound: number): number => this.#random.below(bound) };
    const sizes = below(16) === 0 ? SIZES.slice(0, 3) : below(4) === 0 ? [4096] : SIZES;
    for (let full = 0, files = 0; full < 6 && files < 12_000; files++) {
      const largest = full < 3 ? sizes.length : Math.min(3, sizes.length);
      if (!this.#write(sizes[below(largest)]!)) full++;
    }
    this.#honest();
  }

  /** What statfs calls free can be written. */
  #honest(): void {
    if (this.#volume.root.quotas.isOn) return;
    const { freeBlocks } = this.#volume.usage();
    if (freeBlocks < 64) return;
    const size = Math.min(MIB, Math.floor(freeBlocks / 2) * 4096);
    if (!this.#write(size))
      throw this.#error(`${freeBlocks} blocks are said to be free, and ${size} bytes cannot be written`);
  }

  #snapshot(): void {
    if (this.#snapshots.length >= SNAPSHOTS_MAX) return;
    this.#doing("snapshot");
    const id = this.#volume.snapshot(this.#root, `s${this.#number++}`, { readOnly: true });
    if (this.#allowed(id)) this.#snapshots.push({ id, files: this.#files.copy() });
    this.#did();
  }

  #must(what: string, run: () => number): void {
    this.#doing(what);
    const result = run();
    if (result < 0) throw this.#error(`stuck: ${result}`);
    this.#did();
  }

  #deleteSnapshot(): void {
    const [chosen] = this.#snapshots.splice(this.#random.below(this.#snapshots.length), 1);
    if (chosen === undefined) return;
    this.#must(`delete snapshot ${chosen.id}`, () => this.#volume.deleteSubvolume(chosen.id));
  }

  #rollback(): void {
    const chosen = this.#snapshots[this.#random.below(Math.max(1, this.#snapshots.length))];
    if (chosen === undefined) return;
    const after = chosen.files.copy();
    this.#must(`rollback to ${chosen.id}`, () => {
      // A crash within leaves one or the other.
      this.#states.add(after.digest);
      const result = this.#volume.rollback(chosen.id);
      if (result >= 0) this.#files = after;
      return result;
    });
  }

  #grow(): void {
    const disk = this.#disks[0]!;
    if (this.#cipher !== null || disk.size > 40 * MIB) return;
    const { table, blocks } = this.#volume.superblock;
    const now = table === null ? blocks : this.#volume.store.devices[0]!.entry.blocks;
    if (now === 0) return;
    this.#must("grow", () => resizeDevice(this.#volume, 0, now + 256 * (1 + this.#random.below(4))));
  }

  #addDevice(): void {
    if (this.#cipher !== null || this.#disks.length >= DEVICES_MAX || this.#volume.superblock.copies > 1) return;
    const disk = new CrashDisk(4 * MIB);
    const before = this.#disks;
    this.#disks = [...before, disk];
    // A crash before the commit leaves a volume that knows nothing of the new device.
    this.#flushesLeft = -1;
    this.#must("add a device", () => addDevice(this.#volume, disk));
    this.#watch();
    this.#commit();
  }

  #removeDevice(): void {
    const index = this.#disks.length - 1;
    if (index === 0) return;
    this.#flushesLeft = -1;
    const slot = this.#volume.store.devices.findIndex(({ device }) => device === this.#disks[index]);
    if (slot < 0) return;
    this.#doing("remove a device");
    if (this.#allowed(removeDevice(this.#volume, slot))) this.#disks = this.#disks.slice(0, index);
    this.#did();
    this.#commit();
  }

  /** What an owner sets while the volume is full. */
  #settings(): void {
    const { below } = { below: (bound: number): number => this.#random.below(bound) };
    this.#must("set a property", () => this.#volume.properties.set("note", new Uint8Array(below(200))));
    this.#must("remove a property", () => this.#volume.properties.remove("note"));
    if (!this.#root.quotas.isOn) return;
    const blocksHard = below(3) === 0 ? 1 + below(2000) : 0;
    this.#must("set a limit", () =>
      this.#root.setQuotaLimits(QUOTA_USER, below(3), { blocksSoft: 0, blocksHard, inodesSoft: 0, inodesHard: 0 }),
    );
  }

  #transaction(): void {
    this.#doing("transaction");
    const transaction = Transaction.begin(this.#volume);
    if (typeof transaction === "number") {
      this.#allowed(transaction);
      this.#did();
      return;
    }
    const ino = transaction.files.create(ROOT_INO, `t${this.#number++}`, S_IFREG | 0o644, 0, 0);
    if (ino > 0) transaction.files.write(ino, 0, this.#content(20_000), 0, 20_000);
    this.#must("abort a transaction", () => transaction.abort());
  }

  #clone(name: string): void {
    const file = this.#files.names.get(name)!;
    if (file.bytes.length === 0) return;
    const source = this.#ino(name);
    const target = `c${this.#number++}`;
    this.#doing(`create ${target}`, target);
    const ino = this.#root.create(ROOT_INO, target, S_IFREG | 0o644, 0, 0);
    if (!this.#allowed(ino)) return this.#did();
    const made = new FlatFile(new Uint8Array(0));
    this.#files.put(target, made);
    this.#did();
    this.#doing(`clone ${name} ${target}`, name, target);
    if (
      this.#allowed(
        this.#root.cloneRange({ source, offset: 0, target: ino, targetOffset: 0, length: file.bytes.length }),
      )
    )
      this.#files.change(made, file.bytes);
    this.#did();
  }

  #change(name: string): void {
    const random = this.#random;
    const file = this.#files.names.get(name)!;
    const ino = this.#ino(name);
    switch (random.below(9)) {
      case 0: {
        const size = random.below(file.bytes.length + 1);
        this.#doing(`truncate ${name} ${size}`, name);
        if (this.#allowed(this.#root.truncate(ino, size))) this.#files.change(file, file.bytes.slice(0, size));
        return this.#did();
      }
      case 1:
        return void this.#rewrite(ino, file, this.#content(Math.max(1, file.bytes.length)), name);
      case 2: {
        const other = `l${this.#number++}`;
        this.#doing(`link ${name} ${other}`, name, other);
        if (this.#allowed(this.#root.link(ino, ROOT_INO, other))) this.#files.put(other, file);
        return this.#did();
      }
      case 3: {
        const note = random.below(random.below(4) === 0 ? 3000 : 60) + 1;
        this.#doing(`attribute of ${name}`, name);
        if (this.#allowed(this.#root.setXattr(ino, "user.note", new Uint8Array(note), 0)))
          this.#files.change(file, file.bytes, note);
        return this.#did();
      }
      case 4: {
        const attributes = new Attributes();
        attributes.mode = S_IFREG | random.below(0o777);
        this.#doing(`mode of ${name}`);
        this.#allowed(this.#root.setAttributes(ino, attributes, ATTRIBUTE_MODE));
        return this.#did();
      }
      case 5: {
        const other = this.#pick()!;
        if (this.#files.names.get(other) === file) return;
        this.#doing(`rename ${name} ${other}`, name, other);
        if (this.#allowed(this.#root.rename(ROOT_INO, name, ROOT_INO, other))) {
          this.#files.remove(name);
          this.#files.put(other, file);
          this.#files.remove(name);
        }
        return this.#did();
      }
      case 6: {
        const whole = Math.floor(file.bytes.length / 4096);
        const first = random.below(whole + 1) * 4096;
        const length = Math.min(4096 * (1 + random.below(4)), file.bytes.length - first);
        if (length <= 0) return;
        this.#doing(`punch ${name} ${first}+${length}`, name);
        if (this.#allowed(this.#root.punchHole(ino, first, length)))
          this.#files.change(file, file.bytes.slice().fill(0, first, first + length));
        return this.#did();
      }
      case 7:
        this.#doing(`keep ${name} open`);
        this.#root.pin(ino);
        if (this.#unlink(name)) this.#write(SIZES[random.below(6)]!);
        this.#doing(`close ${name}`);
        this.#root.unpin(ino);
        return this.#did();
      default:
        return this.#clone(name);
    }
  }

  #event(): void {
    const { below } = { below: (bound: number): number => this.#random.below(bound) };
    const name = this.#pick();
    switch (below(40)) {
      case 0:
        return this.#snapshot();
      case 1:
        return this.#deleteSnapshot();
      case 2:
        return below(3) === 0 ? this.#rollback() : this.#settings();
      case 3:
        return below(4) === 0 ? this.#grow() : this.#settings();
      case 4:
        return below(6) === 0 ? this.#addDevice() : below(3) === 0 ? this.#removeDevice() : this.#transaction();
      case 5:
        return this.#must("free what was deleted", () => this.#volume.reclaim(1 + below(3)));
      case 6:
        return below(3) === 0 ? this.#commit() : undefined;
      case 7:
        if (below(3) === 0) this.#flushesLeft = 1 + below(6);
        return;
      case 8:
      case 9:
      case 10:
      case 11:
      case 12:
      case 13:
        if (name !== null) this.#change(name);
        return;
      case 14:
      case 15:
      case 16:
      case 17:
        return void this.#write(SIZES[below(SIZES.length)]!);
      default:
        if (name !== null) this.#unlink(name);
    }
  }

  #events(count: number): void {
    for (let left = count; left > 0; left--) {
      try {
        this.#event();
      } catch (error) {
        if (this.#left === null) throw error;
        this.#crash(this.#left);
      }
    }
    this.#flushesLeft = -1;
  }

  /** All of it: fills, uses, empties. */
  run(): FullVolumeOutcome {
    const random = this.#random;
    const before = this.#volume.space.freeBlocks;
    const sizeBefore = this.#volume.store.layout.blocks;
    for (let cycle = 1 + random.below(2); cycle > 0; cycle--) {
      this.#fill();
      for (let count = random.below(4); count > 0; count--) this.#snapshot();
      this.#events(50 + random.below(400));
      this.#compare();
    }
    // In random order, as far as it goes; then without snapshots everything goes.
    const names = [...this.#files.names.keys()];
    for (const name of names) if (random.below(3) > 0) this.#unlink(name);
    while (this.#snapshots.length > 0) this.#deleteSnapshot();
    for (const name of [...this.#files.names.keys()].sort(() => random.below(3) - 1)) this.#unlink(name);
    for (let more = 1; more > 0;) {
      this.#last = "free what was deleted";
      more = this.#volume.reclaim(8);
      if (more < 0) throw this.#error(`stuck: ${more}`);
    }
    this.#commit();
    this.#compare();
    this.#check();
    const kept = before + this.#volume.store.layout.blocks - sizeBefore - this.#volume.space.freeBlocks;
    // The audit log grows; a table of devices and a taller tree take a few nodes.
    if (kept > (this.#seed % 8 === 7 ? 4000 : 64)) throw this.#error(`${kept} blocks did not come back`);
    return this;
  }
}

/** One volume, filled and emptied. Throws at the first thing that is not right, with the seed. */
export function simulateFullVolume(options: FullVolumeOptions): FullVolumeOutcome {
  return new FullVolume(options).run();
}

if (process.argv[1] === import.meta.filename) {
  const rounds = numberOption("rounds", 1000);
  const first = numberOption("seed", 1);
  const mib = numberOption("mib", 0);
  const total = { operations: 0, refused: 0, crashes: 0 };
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    const seed = first + round;
    tellProgress(round, seed);
    try {
      const { operations, refused, crashes } = simulateFullVolume({ seed, ...(mib > 0 ? { mib } : {}) });
      total.operations += operations;
      total.refused += refused;
      total.crashes += crashes;
    } catch (error) {
      failed++;
      const { message, cause } = error as Error;
      console.error(cause instanceof Error ? `${message}\n${cause.message}` : message);
      console.error(
        `repeat: node packages/aegisfs/src/testing/full-volume.ts --rounds 1 --seed ${seed}` +
          `${mib > 0 ? ` --mib ${mib}` : ""}`,
      );
      if (failed >= 10) break;
    }
  }
  console.log(
    `${total.operations} operations, ${total.refused} of them refused for want of space, ${total.crashes} power cuts`,
  );
  console.log(`${rounds - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
