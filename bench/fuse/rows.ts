/** The rows of the mount tables: what is done, by whom, and what must be reached. A ratio above 1: we are faster. */
import type { SystemName } from "./systems.ts";

interface Against {
  /** The best of these counts. */
  readonly peers: readonly SystemName[];
  readonly goal: number;
}

export interface MountRow {
  /** For `--only GROUP-KEY`. */
  readonly key: string;
  readonly group: "fuse" | "durable" | "small";
  readonly name: string;
  /** What of ours is compared, first, and what else is shown. */
  readonly own: readonly SystemName[];
  readonly against: readonly Against[];
  readonly unit: "/s" | "MB/s" | "s" | "ms";
  /**
   * Of files.c, or "untar", "find" (of its files, by find(1)), or "mount" and "mount-crashed", which have nothing to do
   * with files.
   */
  readonly what: string;
  /** Default: 2,000. */
  readonly files?: number;
  /** What of files.c must have been done before: is undone after. */
  readonly needs?: "create" | "big" | "text";
  /** The kernel is to have forgotten names and inodes. */
  readonly forgotten?: true;
  /** What the page cache gathered must have left it before the clock stops. */
  readonly synced?: true;
}

/** The quicker one in C is for orientation. */
const fuse = (goal: number): readonly Against[] => [
  { peers: ["bindfs", "memfs_ll"], goal },
  { peers: ["memory-fs"], goal: 0 },
];
/** memfs_ll drops files whose inodes the kernel forgets. */
const withoutMemfsLl = (goal: number): readonly Against[] => [
  { peers: ["bindfs"], goal },
  { peers: ["memory-fs"], goal: 0 },
];
const OWN: readonly SystemName[] = ["aegisfs"];
/**
 * Each file of a mount costs questions of the kernel, whoever serves it: what the engine does is measured without them.
 */
const LIBRARY: readonly SystemName[] = ["aegisfs library"];
const ext4 = (goal: number): Against => ({ peers: ["ext4"], goal });
const btrfs = (goal: number): Against => ({ peers: ["btrfs"], goal });

/** Many small files, the place where a mount costs most: at most 0.4 times bindfs's time and 3 times btrfs's. */
const SMALL: readonly Against[] = [
  { peers: ["bindfs"], goal: 2.5 },
  btrfs(0.33),
  ext4(0),
  { peers: ["memory-fs"], goal: 0 },
];

/** What a server in C that stores nothing reaches beside btrfs is what the messages of FUSE leave. */
const MOUNTED: readonly Against[] = [btrfs(0), ext4(0), { peers: ["memory-fs"], goal: 0 }];

export const MOUNT_ROWS: readonly MountRow[] = [
  {
    group: "fuse",
    key: "create",
    name: "create, write 4 KiB",
    own: OWN,
    against: fuse(1.2),
    unit: "/s",
    what: "create",
  },
  { group: "fuse", key: "stat", name: "stat", own: OWN, against: fuse(0.9), unit: "/s", what: "stat", needs: "create" },
  {
    group: "fuse",
    key: "stat-forgotten",
    name: "stat, forgotten by the kernel",
    own: OWN,
    against: withoutMemfsLl(0.9),
    unit: "/s",
    what: "stat",
    needs: "create",
    forgotten: true,
  },
  {
    group: "fuse",
    key: "read-files",
    name: "open, read 4 KiB, close, forgotten",
    own: OWN,
    against: withoutMemfsLl(0.9),
    unit: "/s",
    what: "read-files",
    needs: "create",
    forgotten: true,
  },
  {
    group: "fuse",
    key: "unlink",
    name: "unlink",
    own: OWN,
    against: fuse(1.2),
    unit: "/s",
    what: "unlink",
    needs: "create",
  },
  { group: "fuse", key: "untar", name: "untar of 6,600 files", own: OWN, against: fuse(1.2), unit: "s", what: "untar" },
  {
    group: "fuse",
    key: "seq-write",
    name: "write 64 MiB by 1 MiB, direct",
    own: OWN,
    against: fuse(0.9),
    unit: "MB/s",
    what: "seq-write",
    needs: "big",
  },
  {
    group: "fuse",
    key: "seq-read",
    name: "read 64 MiB by 1 MiB, direct",
    own: OWN,
    against: fuse(0.9),
    unit: "MB/s",
    what: "seq-read",
    needs: "big",
  },
  {
    group: "fuse",
    key: "rand-read",
    name: "read 4 KiB at random, direct",
    own: OWN,
    against: fuse(0.9),
    unit: "/s",
    what: "rand-read",
    needs: "big",
  },
  {
    group: "fuse",
    key: "warm-read",
    name: "read 4 KiB at random, warm",
    own: OWN,
    against: [ext4(0.8)],
    unit: "/s",
    what: "warm-read",
    needs: "big",
  },
  {
    group: "fuse",
    key: "buffered-write",
    name: "write 4 KiB at random, buffered",
    own: ["aegisfs", "aegisfs writethrough"],
    against: [ext4(0.5)],
    unit: "/s",
    what: "buffered-write",
    needs: "big",
  },
  {
    group: "small",
    key: "create",
    name: "create, write 4 KiB: 30,000 files",
    own: OWN,
    against: SMALL,
    unit: "/s",
    what: "create",
    files: 30_000,
  },
  { group: "small", key: "untar", name: "untar of 6,600 files", own: OWN, against: SMALL, unit: "s", what: "untar" },
  {
    group: "small",
    key: "find",
    name: "find, 30,000 files in 300 folders, forgotten",
    own: OWN,
    against: SMALL,
    unit: "s",
    what: "find",
    needs: "create",
    forgotten: true,
    files: 30_000,
  },
  {
    group: "small",
    key: "read-tree",
    name: "list, stat, open, read 4 KiB, forgotten",
    own: OWN,
    against: SMALL,
    unit: "/s",
    what: "read-tree",
    needs: "create",
    forgotten: true,
    files: 30_000,
  },
  {
    group: "durable",
    key: "create",
    name: "create, write 4 KiB, sync",
    own: LIBRARY,
    against: [btrfs(1.5), ext4(0)],
    unit: "/s",
    what: "create",
    synced: true,
  },
  {
    group: "durable",
    key: "unlink",
    name: "unlink, sync",
    own: LIBRARY,
    against: [btrfs(1.5), ext4(0)],
    unit: "/s",
    what: "unlink",
    needs: "create",
    synced: true,
  },
  {
    group: "durable",
    key: "untar",
    name: "untar of 6,600 files, sync",
    own: LIBRARY,
    against: [btrfs(1.5), ext4(0)],
    unit: "s",
    what: "untar",
    synced: true,
  },
  {
    group: "durable",
    key: "create-mounted",
    name: "create, write 4 KiB, mounted",
    own: OWN,
    against: MOUNTED,
    unit: "/s",
    what: "create",
  },
  {
    group: "durable",
    key: "unlink-mounted",
    name: "unlink, mounted",
    own: OWN,
    against: MOUNTED,
    unit: "/s",
    what: "unlink",
    needs: "create",
  },
  {
    group: "durable",
    key: "untar-mounted",
    name: "untar of 6,600 files, mounted, sync",
    own: OWN,
    against: [btrfs(0), ext4(0)],
    unit: "s",
    what: "untar",
    synced: true,
  },
  {
    group: "durable",
    key: "fsync",
    name: "write 4 KiB, fsync: one caller",
    own: OWN,
    against: [btrfs(1.5), ext4(0)],
    unit: "/s",
    what: "fsync-1",
  },
  {
    group: "durable",
    key: "fsync-32",
    name: "write 4 KiB, fsync: 32 callers",
    own: OWN,
    against: [btrfs(1.5), ext4(0.8)],
    unit: "/s",
    what: "fsync-32",
  },
  {
    group: "durable",
    key: "write",
    name: "write 512 MiB by 1 MiB, fsync",
    own: OWN,
    against: [btrfs(0.8), ext4(0)],
    unit: "MB/s",
    what: "text-write",
  },
  {
    group: "durable",
    key: "read",
    name: "read 512 MiB by 1 MiB, cold",
    own: OWN,
    against: [btrfs(0.8), ext4(0)],
    unit: "MB/s",
    what: "text-read",
    needs: "text",
  },
  {
    group: "durable",
    key: "write-zstd",
    name: "write 512 MiB by 1 MiB, fsync, zstd 1",
    own: ["aegisfs zstd"],
    against: [{ peers: ["btrfs zstd"], goal: 0.8 }],
    unit: "MB/s",
    what: "text-write",
  },
  {
    group: "durable",
    key: "read-zstd",
    name: "read 512 MiB by 1 MiB, cold, zstd 1",
    own: ["aegisfs zstd"],
    against: [{ peers: ["btrfs zstd"], goal: 0.8 }],
    unit: "MB/s",
    what: "text-read",
    needs: "text",
  },
  {
    group: "durable",
    key: "mount",
    name: "mount, clean, 40,000 files",
    own: OWN,
    against: [{ peers: ["ext4", "btrfs"], goal: 0 }],
    unit: "ms",
    what: "mount",
  },
  {
    group: "durable",
    key: "mount-crashed",
    name: "mount after a crash, 40,000 files",
    own: OWN,
    against: [{ peers: ["ext4", "btrfs"], goal: 0 }],
    unit: "ms",
    what: "mount-crashed",
  },
  {
    group: "durable",
    key: "snapshot",
    name: "snapshot of 10,000 files",
    own: OWN,
    against: [btrfs(0)],
    unit: "ms",
    what: "snapshot",
    needs: "create",
  },
];

/** Above 1: ours is faster. */
export function ratioTo(row: MountRow, against: Against, figures: Readonly<Record<string, number>>): number | null {
  const peers = against.peers.map((name) => figures[name]).filter((figure) => figure !== undefined);
  const own = figures[row.own[0]!];
  if (peers.length === 0 || own === undefined) return null;
  return row.unit === "s" || row.unit === "ms" ? Math.min(...peers) / own : own / Math.max(...peers);
}
