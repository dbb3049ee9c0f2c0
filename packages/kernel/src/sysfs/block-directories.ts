/** Disks and partitions in sysfs(5): the folder of each below devices/virtual/block, and the links that lead there. */
import { ENOENT, LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_PARTSCAN } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type BlockInode, SECTOR_SIZE } from "../block/block-inode.ts";
import { LoopDevice } from "../block/loop/loop-device.ts";
import type { Inode } from "../vfs/inode.ts";
import { majorOf, makeDevice, minorOf } from "../vfs/device-registry.ts";
import { pathName } from "../vfs/path-name.ts";
import {
  PseudoDirectory,
  PseudoFile,
  type PseudoFileSystem,
  PseudoLink,
  type TextSource,
  FOUND_BY_NAME,
} from "../pseudo/pseudo-inodes.ts";

/** A folder whose entries stand for the block devices there are now. */
abstract class DeviceListing extends PseudoDirectory {
  #made = new Map<BlockInode, Inode>();

  override get cachesNames(): boolean {
    return false;
  }

  protected abstract nameOf(device: BlockInode): string;
  /** The device of that name, whether it is shown or not. */
  protected find(name: string): BlockInode | undefined {
    return this.fileSystem.kernel.disks.all.get(name);
  }
  protected abstract shows(device: BlockInode): boolean;
  protected abstract make(device: BlockInode): Inode;

  #inodeOf(device: BlockInode): Inode {
    let inode = this.#made.get(device);
    if (inode === undefined) this.#made.set(device, (inode = this.holds(this.nameOf(device), this.make(device))));
    return inode;
  }

  override entryNamed(name: string): Inode | null {
    const device = this.find(name);
    return device === undefined ? super.entryNamed(name) : this.#inodeOf(device);
  }

  override lookup(name: string): Inode | number {
    const device = this.find(name);
    return device === undefined || !this.shows(device) ? super.lookup(name) : this.#inodeOf(device);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    // Devices come first, each at a cursor of its own; what always is there follows.
    const BASE = 2 ** 40;
    if (cursor < BASE) {
      const { all } = this.fileSystem.kernel.disks;
      for (const device of this.#made.keys()) if (all.get(device.name) !== device) this.#made.delete(device);
      for (const device of [...all.values()].sort((one, other) => one.ino - other.ino)) {
        if (device.ino < cursor || !this.shows(device)) continue;
        const inode = this.#inodeOf(device);
        if (!emit(this.nameOf(device), inode.ino, inode.type >> 12, device.ino + 1)) return 0;
      }
    }
    return super.list(Math.max(0, cursor - BASE), (name, ino, type, next) => emit(name, ino, type, next + BASE));
  }

  static {
    stateClass("DeviceListing", this, {
      save: (it) => ({ made: it.#made }),
      load: (it, from) => ({ made: it.#made } = from),
    });
  }
}

/** /sys/block, /sys/class/block and /sys/dev/block: links to the devices' folders. */
class DeviceLinks extends DeviceListing {
  #up: string;
  #kind: "disks" | "all" | "numbers";

  constructor(fileSystem: PseudoFileSystem, kind: "disks" | "all" | "numbers") {
    super(fileSystem, 0o755);
    this.#kind = kind;
    this.#up = kind === "disks" ? ".." : "../..";
  }

  protected override nameOf(device: BlockInode): string {
    return this.#kind === "numbers" ? numberOf(device) : device.name;
  }

  protected override find(name: string): BlockInode | undefined {
    if (this.#kind !== "numbers") return super.find(name);
    const number = /^(\d+):(\d+)$/.exec(name);
    return number === null
      ? undefined
      : (this.fileSystem.kernel.disks.byNumber(makeDevice(Number(number[1]), Number(number[2]))) ?? undefined);
  }

  protected override shows(device: BlockInode): boolean {
    return this.#kind !== "disks" || device.partition === 0;
  }

  protected override make(device: BlockInode): Inode {
    const folder = device.disk === device ? "" : `${device.disk.name}/`;
    return new PseudoLink(this.fileSystem, `${this.#up}/devices/virtual/block/${folder}${device.name}`);
  }

  static {
    stateClass(
      "DeviceLinks",
      this,
      {
        save: (it) => ({ up: it.#up, kind: it.#kind }),
        load: (it, from) => ({ up: it.#up, kind: it.#kind } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** devices/virtual/block, and the folder of a disk with those of its partitions. */
class DeviceFolders extends DeviceListing {
  #disk: BlockInode | null;

  constructor(fileSystem: PseudoFileSystem, disk: BlockInode | null) {
    super(fileSystem, 0o755);
    this.#disk = disk;
  }

  protected override nameOf(device: BlockInode): string {
    return device.name;
  }

  protected override shows(device: BlockInode): boolean {
    return this.#disk === null ? device.partition === 0 : device.disk === this.#disk && device.partition !== 0;
  }

  protected override make(device: BlockInode): Inode {
    const folder = new DeviceFolders(this.fileSystem, device);
    fillFolder(this.fileSystem, folder, device);
    return folder;
  }

  static {
    stateClass(
      "DeviceFolders",
      this,
      {
        save: (it) => ({ disk: it.#disk }),
        load: (it, from) => ({ disk: it.#disk } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

/** The folder of a loop device's own attributes is there while a file lies behind it (loop.c). */
class LoopFolder extends PseudoDirectory {
  #loop: LoopDevice;

  constructor(fileSystem: PseudoFileSystem, loop: LoopDevice) {
    super(fileSystem, 0o755);
    this.#loop = loop;
    const flag =
      (bit: number): TextSource =>
      () =>
        (loop.status.flags & bit) !== 0 ? "1\n" : "0\n";
    const file = (name: string, source: TextSource): void => void this.add(name, new PseudoFile(fileSystem, source));
    file("backing_file", (task) => {
      const path = loop.file?.path ?? null;
      return loop.file === null ? -ENOENT : `${path === null ? "" : pathName(path, task.fs.root)}\n`;
    });
    file("offset", () => `${loop.status.offset}\n`);
    file("sizelimit", () => `${loop.status.sizeLimit}\n`);
    file("autoclear", flag(LO_FLAGS_AUTOCLEAR));
    file("partscan", flag(LO_FLAGS_PARTSCAN));
    file("dio", flag(LO_FLAGS_DIRECT_IO));
  }

  override get cachesNames(): boolean {
    return false;
  }

  override lookup(name: string): Inode | number {
    return this.#loop.state === "unbound" ? -ENOENT : super.lookup(name);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    return this.#loop.state === "unbound" ? 0 : super.list(cursor, emit);
  }

  static {
    stateClass(
      "LoopFolder",
      this,
      {
        save: (it) => ({ loop: it.#loop }),
        load: (it, from) => ({ loop: it.#loop } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

function numberOf(device: BlockInode): string {
  return `${majorOf(device.rdev)}:${minorOf(device.rdev)}`;
}

function fillFolder(fileSystem: PseudoFileSystem, folder: PseudoDirectory, device: BlockInode): void {
  const file = (to: PseudoDirectory, name: string, source: TextSource): void => {
    to.add(name, new PseudoFile(fileSystem, source));
  };
  const isDisk = device.partition === 0;
  const sectors = (bytes: number): string => `${Math.floor(bytes / SECTOR_SIZE)}\n`;
  file(folder, "dev", () => `${numberOf(device)}\n`);
  file(folder, "size", () => sectors(device.size));
  file(folder, "ro", () => `${device.isReadOnly ? 1 : 0}\n`);
  file(folder, "alignment_offset", () => "0\n");
  file(folder, "discard_alignment", () => "0\n");
  file(folder, "stat", () => `${"0 ".repeat(17).trim()}\n`);
  file(folder, "inflight", () => "0 0\n");
  file(folder, "uevent", () =>
    [
      `MAJOR=${majorOf(device.rdev)}`,
      `MINOR=${minorOf(device.rdev)}`,
      `DEVNAME=${device.name}`,
      `DEVTYPE=${isDisk ? "disk" : "partition"}`,
      `DISKSEQ=${device.diskSequence}`,
      ...(isDisk ? [] : [`PARTN=${device.partition}`]),
      "",
    ].join("\n"),
  );
  folder.add("holders", new PseudoDirectory(fileSystem, 0o755));
  folder.add("subsystem", new PseudoLink(fileSystem, `${isDisk ? "" : "../"}../../../../class/block`));
  if (!isDisk) {
    file(folder, "partition", () => `${device.partition}\n`);
    file(folder, "start", () => sectors(device.start));
    return;
  }
  file(folder, "removable", () => "0\n");
  file(folder, "hidden", () => "0\n");
  file(folder, "range", () => "1\n");
  file(folder, "ext_range", () => "256\n");
  file(folder, "capability", () => "0\n");
  file(folder, "diskseq", () => `${device.diskSequence}\n`);
  folder.add("slaves", new PseudoDirectory(fileSystem, 0o755));
  const queue = new PseudoDirectory(fileSystem, 0o755);
  for (const name of ["logical_block_size", "physical_block_size", "hw_sector_size", "minimum_io_size"]) {
    file(queue, name, () => `${device.logicalBlockSize}\n`);
  }
  for (const [name, value] of QUEUE) file(queue, name, () => `${value}\n`);
  folder.add("queue", queue);
  if (device.driver instanceof LoopDevice) folder.add("loop", new LoopFolder(fileSystem, device.driver));
}

/** Files behind devices give back what is discarded, in pages. */
const QUEUE: readonly (readonly [name: string, value: string])[] = [
  ["optimal_io_size", "0"],
  ["max_sectors_kb", "1280"],
  ["max_hw_sectors_kb", "1280"],
  ["max_segments", "128"],
  ["read_ahead_kb", "128"],
  ["rotational", "0"],
  ["scheduler", "[none]"],
  ["nr_requests", "128"],
  ["discard_granularity", "4096"],
  ["discard_max_bytes", "4294966784"],
  ["discard_max_hw_bytes", "4294966784"],
  ["discard_zeroes_data", "0"],
  ["write_zeroes_max_bytes", "4294966784"],
  ["write_same_max_bytes", "0"],
  ["write_cache", "write back"],
  ["fua", "0"],
  ["dax", "0"],
  ["zoned", "none"],
  ["nr_zones", "0"],
  ["add_random", "0"],
  ["iostats", "0"],
  ["nomerges", "0"],
  ["rq_affinity", "1"],
  ["stable_writes", "0"],
];

/** Puts the folders where programs look. @param directory  makes or finds a folder of the file system by its path */
export function addBlockDirectories(fileSystem: PseudoFileSystem, directory: (path: string) => PseudoDirectory): void {
  directory("").add("block", new DeviceLinks(fileSystem, "disks"));
  directory("class").add("block", new DeviceLinks(fileSystem, "all"));
  directory("dev").add("block", new DeviceLinks(fileSystem, "numbers"));
  directory("devices/virtual").add("block", new DeviceFolders(fileSystem, null));
}

/** /proc/partitions: devices with a medium, sizes in KiB. */
export function describePartitions(devices: Iterable<BlockInode>): string {
  const rows = [...devices]
    .filter((device) => device.size > 0)
    .map(
      (device) =>
        `${String(majorOf(device.rdev)).padStart(4)} ${String(minorOf(device.rdev)).padStart(8)} ` +
        `${String(Math.floor(device.size / 1024)).padStart(10)} ${device.name}\n`,
    );
  return `major minor  #blocks  name\n\n${rows.join("")}`;
}
