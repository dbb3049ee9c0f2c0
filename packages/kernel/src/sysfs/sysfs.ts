import { PAGE_SIZE, SYSFS_MAGIC } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { allHarts, listOfHarts } from "../task/hart-mask.ts";
import type { Network } from "../socket/network.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { TIMEBASE_HZ } from "../time/timebase.ts";
import type { Task } from "../task/task.ts";
import { type FileSystemType, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import type { Inode } from "../vfs/inode.ts";
import { addBlockDirectories } from "./block-directories.ts";
import { CLOCK_ATTRIBUTES } from "../event/real-time-clock-file.ts";
import { addCharacterDirectories } from "./character-directories.ts";
import { addNetworkDirectories } from "./network-directories.ts";
import { addInputDirectories, addScreenDirectories } from "./screen-directories.ts";
import { PseudoDirectory, PseudoFile, PseudoFileSystem, PseudoLink, type TextSource } from "../pseudo/pseudo-inodes.ts";

/** sysfs(5), as far as programs look: processors, devices, network interfaces, memory, and empty classes. */
export class Sysfs extends PseudoFileSystem {
  readonly type = "sysfs";
  readonly root: PseudoDirectory;

  /** Whose interfaces it shows: the network of who mounted it. It does not hold it. */
  readonly network: Network;

  constructor(kernel: Kernel, network: Network = kernel.network) {
    super(kernel);
    this.network = network;
    this.root = new PseudoDirectory(this).fillLater(1, () => this.#addAll());
    // Control groups are mounted there in each machine, which needs nothing else of this.
    const own = new PseudoDirectory(this, 0o755).add("cgroup", new PseudoDirectory(this, 0o755));
    this.root.add("fs", own);
  }

  override get fileWaiting(): "attribute" {
    return "attribute";
  }

  #addAll(): void {
    const { kernel } = this;
    for (const name of EMPTY_DIRECTORIES) this.#directory(name);
    addBlockDirectories(this, (path) => (path === "" ? this.root : this.#directory(path)));
    this.#processors();
    addNetworkDirectories(this.network, this, (path) => this.#directory(path));
    this.#memory();
    this.#file("kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    this.#file("kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n");
    this.#node();
    this.#file("devices/system/clocksource/clocksource0/current_clocksource", "riscv_clocksource\n");
    this.#file("devices/system/clocksource/clocksource0/available_clocksource", "riscv_clocksource\n");
    // Properties of a device tree are big-endian cells and strings that end with a zero byte (Devicetree
    // Specification §2.2.4).
    this.#file("firmware/devicetree/base/model", "stratos\0");
    this.#file("firmware/devicetree/base/cpus/timebase-frequency", String.fromCharCode(...bigEndian32(TIMEBASE_HZ)));
    this.#file("devices/virtual/tty/tty0/active", () => `tty${kernel.tty.virtual?.active ?? 1}\n`);
    addCharacterDirectories(this, (path) => this.#directory(path), kernel.tty.virtual?.last ?? 0);
    this.#addClock();
    if (kernel.tty.virtual !== null) this.#file("devices/virtual/tty/console/active", "tty0\n");
    const place = { fileSystem: this, directory: (path: string) => this.#directory(path) };
    if (kernel.graphics !== null) addScreenDirectories(place, kernel.graphics.card);
    if (kernel.input !== null) addInputDirectories(place, kernel.input);
    this.#file("power/state", "\n");
    this.#file("kernel/ostype", "Linux\n");
    this.#file("kernel/notes", BUILD_NOTE);
    // What may be given away with a group (cgroups(7), "Cgroups delegation").
    this.#file("kernel/cgroup/delegate", "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\nmemory.oom.group\n");
    this.#file("kernel/uevent_seqnum", () => `${this.kernel.uevents.sequence}\n`);
  }

  #directory(path: string): PseudoDirectory {
    let directory = this.root;
    for (const name of path.split("/")) {
      let next: Inode | undefined = directory.entries.get(name);
      if (!(next instanceof PseudoDirectory)) {
        next = new PseudoDirectory(this, 0o755);
        directory.add(name, next);
      }
      directory = next as PseudoDirectory;
    }
    return directory;
  }

  #file(path: string, source: string | TextSource): void {
    const slash = path.lastIndexOf("/");
    const file = new PseudoFile(this, typeof source === "string" ? () => source : source);
    file.size = 4096;
    this.#directory(path.slice(0, slash)).add(path.slice(slash + 1), file);
  }

  /** The clock that goes on without power, which rtcwake(8) takes for one that can wake the machine. */
  #addClock(): void {
    const own = "devices/virtual/rtc/rtc0";
    for (const [name, tell] of Object.entries(CLOCK_ATTRIBUTES))
      this.#file(`${own}/${name}`, () => tell(this.kernel.realTimeClock));
    this.#file("devices/platform/rtc/power/wakeup", "enabled\n");
    this.#directory(own).add("device", new PseudoLink(this, "../../../platform/rtc"));
  }

  #processors(): void {
    const base = "devices/system/cpu";
    const { harts } = this.kernel;
    const all = allHarts(harts);
    for (const name of ["online", "possible", "present"]) this.#file(`${base}/${name}`, `${listOfHarts(all)}\n`);
    this.#file(`${base}/offline`, "\n");
    this.#file(`${base}/isolated`, "\n");
    this.#file(`${base}/kernel_max`, `${harts - 1}\n`);
    this.#file(`${base}/modalias`, "cpu:type:riscv:feature:\n");
    for (let hart = 0; hart < harts; hart++) {
      const own = `${base}/cpu${hart}`;
      this.#file(`${own}/topology/core_id`, `${hart}\n`);
      this.#file(`${own}/topology/physical_package_id`, "0\n");
      for (const [name, mask] of [
        ["core_cpus", 2 ** hart],
        ["thread_siblings", 2 ** hart],
        ["core_siblings", all],
        ["package_cpus", all],
      ] as const) {
        this.#file(`${own}/topology/${name}`, `${mask.toString(16)}\n`);
        this.#file(`${own}/topology/${name}_list`, `${listOfHarts(mask)}\n`);
      }
      this.#file(`${own}/online`, "1\n");
      this.#directory("bus/cpu/devices").add(
        `cpu${hart}`,
        new PseudoLink(this, `../../../devices/system/cpu/cpu${hart}`),
      );
    }
  }

  /** The one NUMA node, which has all harts and all memory (numa(7); drivers/base/node.c). */
  #node(): void {
    const base = "devices/system/node",
      own = `${base}/node0`;
    const { harts, memory } = this.kernel;
    const all = allHarts(harts);
    for (const name of ["online", "possible", "has_cpu", "has_memory", "has_normal_memory"])
      this.#file(`${base}/${name}`, "0\n");
    this.#file(`${own}/cpulist`, `${listOfHarts(all)}\n`);
    this.#file(`${own}/cpumap`, `${all.toString(16)}\n`);
    this.#file(`${own}/distance`, "10\n");
    const counts = ["numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node"];
    this.#file(`${own}/numastat`, counts.map((name) => `${name} 0\n`).join(""));
    this.#file(`${own}/meminfo`, () => {
      const { limit, free, cached } = memory;
      const rows: [string, number][] = [
        ["MemTotal", limit],
        ["MemFree", free],
        ["MemUsed", limit - free],
        ["FilePages", cached],
        ["AnonPages", Math.max(0, limit - free - cached)],
      ];
      return rows
        .map(([name, pages]) => `Node 0 ${`${name}:`.padEnd(15)}${String(pages * (PAGE_SIZE / 1024)).padStart(8)} kB\n`)
        .join("");
    });
    for (let hart = 0; hart < harts; hart++) {
      this.#directory(own).add(`cpu${hart}`, new PseudoLink(this, `../../cpu/cpu${hart}`));
      this.#directory(`devices/system/cpu/cpu${hart}`).add("node0", new PseudoLink(this, "../../node/node0"));
    }
  }

  /** Blocks of memory, all of them there for good (lsmem(1)). */
  #memory(): void {
    const bytes = this.kernel.memory.limit * PAGE_SIZE;
    // 128 MiB as on other machines, smaller where the memory is no multiple of that, as long as the blocks are few.
    let block = 128 << 20;
    while (bytes % block !== 0 && bytes / (block / 2) <= MEMORY_BLOCKS_MAX) block /= 2;
    const base = "devices/system/memory";
    this.#file(`${base}/block_size_bytes`, `${block.toString(16)}\n`);
    this.#file(`${base}/auto_online_blocks`, "online\n");
    for (let index = 0; index < Math.floor(bytes / block); index++) {
      const own = `${base}/memory${index}`;
      for (const [name, value] of [
        ["online", "1"],
        ["state", "online"],
        ["removable", "0"],
        ["phys_device", "0"],
        ["phys_index", index.toString(16).padStart(8, "0")],
        ["valid_zones", "none"],
      ] as const)
        this.#file(`${own}/${name}`, `${value}\n`);
    }
  }

  usage(): FileSystemUsage {
    return simpleUsage(SYSFS_MAGIC);
  }

  static {
    stateClass("Sysfs", this, null, {
      remake: {
        describe: ({ kernel, network }) => ({ kernel, network }),
        make: ({ kernel, network }: Sysfs) => new Sysfs(kernel, network),
      },
    });
  }
}

function bigEndian32(value: number): number[] {
  return [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** An ELF note: the kernel's build id (elf(5), NT_GNU_BUILD_ID), which is of no file that anybody has. */
const BUILD_NOTE = String.fromCharCode(...[4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0]) + "GNU\0" + "\0".repeat(20);

/** Folders of memory blocks: each costs a start of the machine. */
const MEMORY_BLOCKS_MAX = 64;

/** Those of file systems that there aren't (debugfs, fusectl, bpf) would be mounted by systemd, in vain. */
const EMPTY_DIRECTORIES = [
  "bus",
  "class/power_supply",
  "class/thermal",
  "class/drm",
  "devices/virtual",
  "firmware",
  "fs/fuse/connections",
  "hypervisor",
  "module",
  "power",
] as const;

export const sysfsType: FileSystemType = {
  name: "sysfs",
  isVirtual: true,
  optionNames: [],
  isRevealing: true,
  userNamespace: (caller: Task) => caller.network.owner,
  create: (kernel: Kernel) => new Sysfs(kernel, kernel.scheduler.current?.network),
};
