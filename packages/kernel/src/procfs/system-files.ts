/** The files of /proc itself: proc(5) and its companions proc_meminfo(5), proc_stat(5) … */
import { CAP_SYSLOG, EPERM, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { describeRealTimeClock } from "../event/real-time-clock-file.ts";
import { Changes } from "../ground/changes.ts";
import { CONTROLLERS, type ControlGroups } from "../task/control-group.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { describeKeys, describeKeyUsers } from "../keys/describe-keys.ts";
import { isCapable } from "../security/credentials.ts";
import { loadText } from "../task/load-average.ts";
import type { Task } from "../task/task.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { processTimes } from "../task/resource-usage.ts";
import { describeLocks } from "../vfs/file-locks.ts";
import type { Inode } from "../vfs/inode.ts";
import { KernelMessageQueue } from "../fs/devtmpfs/kernel-message-device.ts";
import { ConfigFile } from "./config-file.ts";
import {
  PseudoDirectory,
  PseudoFile,
  PseudoLink,
  type TextPiece,
  type TextSource,
  FOUND_BY_NAME,
} from "../pseudo/pseudo-inodes.ts";
import { describePartitions } from "../sysfs/block-directories.ts";
import type { ProcView } from "./proc-view.ts";
import { countTasks } from "./task-count.ts";
import { commitLimit, committedBytes, sharedBytes } from "../mm/overcommit.ts";
import { ISA } from "../mm/vdso/hwprobe.ts";
import { RELEASE, VERSION } from "../ground/release.ts";

export function addSystemFiles(fileSystem: ProcView, root: PseudoDirectory): void {
  const { kernel } = fileSystem;
  const file = (name: string, source: TextSource, mode = 0o444): void =>
    void root.add(name, new PseudoFile(fileSystem, source, { mode }));
  file("meminfo", () => describeMemory(kernel));
  file("stat", (task) => describeStatistics(kernel, task.namespaces.time.boottimeNs));
  file("cpuinfo", () => Array.from({ length: kernel.harts }, (_, hart) => describeHart(hart)).join(""));
  file("uptime", (task) => describeUptime(kernel, task.namespaces.time.boottimeNs));
  file("loadavg", ({ group }) => describeLoad(kernel, group.pidNamespace));
  file("version", () => `Linux version ${RELEASE} (stratos@stratos) (stratos) ${VERSION}\n`);
  file("version_signature", () => `Stratos ${RELEASE}\n`);
  file("filesystems", () =>
    [...kernel.vfs.types.values()].map((type) => `${type.isVirtual ? "nodev" : ""}\t${type.name}\n`).join(""),
  );
  root.add("mounts", new PseudoLink(fileSystem, "self/mounts"));
  root.add("device-tree", new PseudoLink(fileSystem, "/sys/firmware/devicetree/base"));
  root.add("net", new PseudoLink(fileSystem, "self/net"));
  file("devices", () => describeDevices(kernel));
  file("cmdline", () => "root=stratos\n");
  root.add("config.gz", new ConfigFile(fileSystem));
  file("keys", describeKeys);
  file("key-users", describeKeyUsers);
  file("vmstat", () => describeVirtualMemory(kernel));
  file("diskstats", () => "");
  file("partitions", () => describePartitions(kernel.disks.all.values()));
  // There is no swap: who waits for a change waits for ever.
  const swaps = new Changes();
  root.add(
    "swaps",
    new PseudoFile(fileSystem, () => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", { watched: () => swaps }),
  );
  file("interrupts", () => "           CPU0       \n");
  file("softirqs", () => "                    CPU0       \n");
  file("modules", () => "");
  file("misc", () => "237 loop-control\n229 fuse\n200 tun\n");
  file("fb", () => "");
  file("dma", () => "");
  file("ioports", () => "");
  file("iomem", () => "");
  file("crypto", () => "");
  file("consoles", () => (kernel.tty.console === null ? "" : "tty1                 -WU (EC  p  )    4:1\n"));
  file("execdomains", () => "0-0\tLinux           \t[kernel]\n");
  file("buddyinfo", () => "");
  file("zoneinfo", () => "");
  file("pagetypeinfo", () => "", 0o400);
  file("slabinfo", () => describeSlabs(kernel), 0o400);
  file("locks", (reader, from, kept) => describeAllLocks(reader, fileSystem.pidNamespace, from, kept));
  root.add("kmsg", new KernelMessages(fileSystem));
  file("cgroups", () => describeControllers(kernel.controlGroups));
  file("timer_list", () => "", 0o400);
  file("schedstat", () => "version 15\n");
  const sysvipc = new PseudoDirectory(fileSystem);
  sysvipc.add("msg", new PseudoFile(fileSystem, (task) => task.ipc.messages.describe(task)));
  sysvipc.add("sem", new PseudoFile(fileSystem, (task) => task.ipc.semaphores.describe(task)));
  sysvipc.add("shm", new PseudoFile(fileSystem, (task) => task.ipc.memory.describe(task)));
  root.add("sysvipc", sysvipc);
  for (const name of ["bus", "fs", "irq"]) root.add(name, new PseudoDirectory(fileSystem));
  const drivers = new PseudoDirectory(fileSystem);
  drivers.add("rtc", new PseudoFile(fileSystem, (task) => describeRealTimeClock(task.kernel.realTimeClock)));
  root.add("driver", drivers);
  const terminals = new PseudoDirectory(fileSystem);
  root.add("tty", terminals);
  terminals.add("drivers", new PseudoFile(fileSystem, () => TERMINAL_DRIVERS));
  terminals.add("ldiscs", new PseudoFile(fileSystem, () => "n_tty       0\n"));
  for (const name of ["driver", "ldisc"]) terminals.add(name, new PseudoDirectory(fileSystem));
}

/** /proc/kmsg: takes what it shows, so it needs CAP_SYSLOG. */
class KernelMessages extends PseudoFile {
  constructor(fileSystem: ProcView) {
    super(fileSystem, () => "", { mode: 0o400 });
  }

  override open(task: Task, flags: number, path: Path): OpenFile | number {
    return isCapable(task.credentials, CAP_SYSLOG) ? new KernelMessageQueue(task.kernel, flags, this, path) : -EPERM;
  }

  static {
    stateClass("KernelMessages", this, null, FOUND_BY_NAME);
  }
}

function describeHart(hart: number): string {
  return (
    `processor\t: ${hart}\nhart\t\t: ${hart}\nisa\t\t: ${ISA}\nmmu\t\t: sv39\nuarch\t\t: stratos\nmvendorid\t: ` +
    `0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: ${ISA}\n\n`
  );
}

interface MemoryUse {
  total: number;
  free: number;
  cached: number;
  shared: number;
  available: number;
  anonymous: number;
}

/** In bytes. */
function memoryUse(kernel: Kernel): MemoryUse {
  const { memory } = kernel;
  const total = memory.limit * PAGE_SIZE,
    free = memory.free * PAGE_SIZE,
    cached = memory.cached * PAGE_SIZE;
  const shared = sharedBytes(kernel);
  return {
    total,
    free,
    cached,
    shared,
    available: Math.min(total, free + Math.max(0, cached - shared)),
    anonymous: Math.max(0, total - free - cached),
  };
}

function describeMemory(kernel: Kernel): string {
  const use = memoryUse(kernel);
  const rows: [string, number][] = [
    ["MemTotal", use.total],
    ["MemFree", use.free],
    ["MemAvailable", use.available],
    ["Buffers", 0],
    ["Cached", use.cached],
    ["SwapCached", 0],
    ["Active", use.anonymous],
    ["Inactive", use.cached],
    ["Active(anon)", use.anonymous],
    ["Inactive(anon)", 0],
    ["Active(file)", 0],
    ["Inactive(file)", use.cached],
    ["Unevictable", 0],
    ["Mlocked", 0],
    ["SwapTotal", 0],
    ["SwapFree", 0],
    ["Dirty", 0],
    ["Writeback", 0],
    ["AnonPages", use.anonymous],
    ["Mapped", 0],
    ["Shmem", use.shared],
    ["KReclaimable", 0],
    ["Slab", 0],
    ["SReclaimable", 0],
    ["SUnreclaim", 0],
    ["KernelStack", 0],
    ["PageTables", 0],
    ["NFS_Unstable", 0],
    ["Bounce", 0],
    ["WritebackTmp", 0],
    ["CommitLimit", commitLimit(kernel)],
    ["Committed_AS", committedBytes(kernel)],
    ["VmallocTotal", 0],
    ["VmallocUsed", 0],
    ["VmallocChunk", 0],
    ["Percpu", 0],
  ];
  const text = rows
    .map(([name, bytes]) => `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`)
    .join("");
  return (
    `${text}HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        ` +
    "0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n"
  );
}

/** Objects that the kernel has, with their size on Linux and how many a page has room for there (riscv64, 6.12). */
const SLABS: readonly [name: string, size: number, perPage: number, count: (kernel: Kernel) => number][] = [
  ["task_struct", 4032, 1, ({ tasks }) => tasks.tasks.size],
  ["dentry", 192, 21, ({ vfs }) => vfs.dentryCount],
];

/**
 * Slabs are what Linux keeps such objects in (slabinfo(5)); ours are the host's memory, which /proc/meminfo does not
 * count. Their numbers are true all the same, and slabtop(1) divides by them.
 */
function describeSlabs(kernel: Kernel): string {
  const rows = SLABS.map(([name, size, perPage, count]) => {
    const objects = Math.max(1, count(kernel));
    const pages = Math.ceil(objects / perPage);
    const counts = [objects, pages * perPage, size, perPage].map((value) => String(value).padStart(6)).join(" ");
    return (
      `${name.padEnd(17)} ${counts}    1 : tunables    0    0    0 : slabdata ` +
      `${String(pages).padStart(6)} ${String(pages).padStart(6)}      0\n`
    );
  });
  return (
    "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> " +
    ": tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n" +
    rows.join("")
  );
}

/** Nanoseconds that programs and the kernel on their behalf used since boot. */
function busyTime(kernel: Kernel): { userNs: number; systemNs: number } {
  let userNs = 0,
    systemNs = 0;
  for (const process of kernel.tasks.processes.values()) {
    const times = processTimes(process);
    userNs += times.userNs + process.childrenUserNs;
    systemNs += times.systemNs + process.childrenSystemNs;
  }
  return { userNs, systemNs };
}

/** @param offsetNs  what the reader's time namespace adds to the time since boot: for it the boot was earlier */
function describeStatistics(kernel: Kernel, offsetNs: number): string {
  const { userNs, systemNs } = busyTime(kernel);
  const ticks = (nanoseconds: number): number => Math.max(0, Math.floor(nanoseconds / 1e7));
  const idle = kernel.now() - userNs - systemNs;
  const numbers = `${ticks(userNs)} 0 ${ticks(systemNs)} ${ticks(idle)} 0 0 0 0 0 0`;
  const boot = kernel.wall.seconds - Math.floor(offsetNs / 1e9);
  const { running, blocked } = countTasks(kernel);
  // The harts take turns on one thread: all that was done stands at the first, and the others were idle.
  const none = `0 0 0 ${ticks(kernel.now())} 0 0 0 0 0 0`;
  const harts = Array.from({ length: kernel.harts }, (_, hart) => `cpu${hart} ${hart === 0 ? numbers : none}\n`).join(
    "",
  );
  const total = `${ticks(userNs)} 0 ${ticks(systemNs)} ${ticks(idle + (kernel.harts - 1) * kernel.now())} 0 0 0 0 0 0`;
  return (
    `cpu  ${total}\n${harts}intr 0\nctxt ${kernel.contextSwitches}\nbtime ${boot}\nprocesses ` +
    `${kernel.tasks.lastAllocated}\nprocs_running ${running}\nprocs_blocked ${blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  );
}

function describeUptime(kernel: Kernel, offsetNs: number): string {
  const { userNs, systemNs } = busyTime(kernel);
  const now = kernel.now();
  return `${hundredths(now + offsetNs)} ${hundredths(Math.max(0, now - userNs - systemNs))}\n`;
}

/** Seconds with two digits that never are ahead of the clock: cut, as Linux does, not rounded. */
function hundredths(ns: number): string {
  return (Math.floor(ns / 1e7) / 100).toFixed(2);
}

/** @param namespace  the reader's, whose last number is the one shown */
function describeLoad(kernel: Kernel, namespace: PidNamespace): string {
  const { running, total } = countTasks(kernel);
  const loads = kernel.scheduler.load.read(kernel.now()).map(loadText).join(" ");
  return `${loads} ${running}/${total} ${kernel.tasks.lastNumberIn(namespace)}\n`;
}

/** Name, nodes, major number, minor numbers, kind (proc_tty(5), fs/proc/proc_tty.c). */
const TERMINAL_DRIVERS =
  "/dev/tty             /dev/tty        5       0 system:/dev/tty\n" +
  "/dev/console         /dev/console    5       1 system:console\n" +
  "/dev/ptmx            /dev/ptmx       5       2 system\n" +
  "pty_slave            /dev/pts      136 0-1048575 pty:slave\n" +
  "pty_master           /dev/ptm      128 0-1048575 pty:master\n" +
  "unknown              /dev/tty        4 1-63 console\n";

function describeDevices(kernel: Kernel): string {
  const rows = (kind: "character" | "block"): string =>
    kernel.vfs.devices
      .majors(kind)
      .map(([major, name]) => `${String(major).padStart(3)} ${name}\n`)
      .join("");
  return `Character devices:\n${rows("character")}\nBlock devices:\n${rows("block")}`;
}

function describeVirtualMemory(kernel: Kernel): string {
  const use = memoryUse(kernel);
  const pages = (bytes: number): number => Math.floor(bytes / PAGE_SIZE);
  return (
    `nr_free_pages ${pages(use.free)}\nnr_inactive_file ${pages(use.cached)}\nnr_active_anon ` +
    `${pages(use.anonymous)}\nnr_anon_pages ${pages(use.anonymous)}\nnr_mapped 0\nnr_file_pages ` +
    `${pages(use.cached)}\n` +
    "nr_dirty 0\nnr_writeback 0\nnr_shmem 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault " +
    `${kernel.faultCount}\npgmajfault 0\npgfree 0\npgalloc_normal 0\n`
  );
}

/** All locks of files that are open, numbered; files a piece at a time. @param kept  lines so far */
function describeAllLocks(reader: Task, ids: PidNamespace, from: number, kept: unknown): TextPiece {
  const { work, tasks } = reader.kernel;
  let count = (kept as number | null) ?? 0;
  let text = "";
  const inodes = openInodesWithLocks(tasks.tasks.values());
  work.charge(tasks.tasks.size >> 4);
  for (let index = from; index < inodes.length; index++) {
    if (text.length > LOCKS_PIECE) return { text, next: index, kept: count };
    for (const lock of describeLocks(inodes[index]!, ids)) {
      count++;
      for (const line of lock) text += `${count}: ${line}\n`;
    }
  }
  return { text, next: -1 };
}

/** Bytes of /proc/locks before another piece; a file has at most some 400 KiB. */
const LOCKS_PIECE = 65536;

function openInodesWithLocks(tasks: Iterable<Task>): Inode[] {
  const inodes = new Set<Inode>();
  const tables = new Set([...tasks].map(({ files }) => files));
  for (const table of tables)
    table?.forEach((_fd, { inode, shownInode }) => {
      if (shownInode !== null && shownInode.locks !== null) inodes.add(shownInode);
      if (inode !== null && inode.leases !== null) inodes.add(inode);
    });
  return [...inodes];
}

/** Each counts the groups that have it (kernel/cgroup/cgroup-v1.c, proc_cgroupstats_show). */
function describeControllers({ root }: ControlGroups): string {
  const lines = CONTROLLERS.map((each) => {
    let count = 0;
    for (const group of root.downward()) if (group.parent === null || group.controllers.includes(each)) count++;
    return `${each}\t0\t${count}\t1\n`;
  });
  return `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${lines.join("")}`;
}
