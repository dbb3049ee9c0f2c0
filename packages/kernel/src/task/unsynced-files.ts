/**
 * What a power cut leaves of files. POSIX promises for a file what fsync(2) was called for; a file system may have
 * written more, or not, and the names before the data. So a program that is right gets over each of these:
 *
 * - what was not synced is lost (whoever holds the disk knows what was flushed: session, explore/power-cut.ts);
 * - all has been written, as if it had been synced at that moment;
 * - names and sizes have been written, but some of the files that were not synced have lost what was added to them
 *   since they were: the name is there, the content is not, as on ext4 with data=writeback, or XFS.
 *
 * What is written through mappings counts as written.
 */
import { O_DSYNC, SYSCALL_NUMBERS } from "@stratos/abi";
import { byteStringToUtf8, stateClass } from "@stratos/base";
import type { Inode } from "../vfs/inode.ts";
import { pathName } from "../vfs/path-name.ts";
import { syncAll } from "../vfs/write-back.ts";
import type { CallArguments } from "./turn-hooks.ts";
import type { Kernel } from "./kernel-state.ts";
import type { Task } from "./task.ts";

/** Files that are followed; what is written to others counts as synced. */
const FOLLOWED_MOST = 100_000;
/** What `Disturbance.amount` of a power cut says: its remainder by three. */
export const POWER_CUT_KINDS = ["flushed", "written", "names"] as const;
export type PowerCutKind = (typeof POWER_CUT_KINDS)[number];

export function powerCutKind(amount: number): PowerCutKind {
  return POWER_CUT_KINDS[amount % POWER_CUT_KINDS.length]!;
}

/** A file that holds what was not synced. */
interface Unsynced {
  /** Bytes that it had when it was synced last, or when it was first written. */
  readonly size: number;
  /** Under which it was written, UTF-8. */
  readonly path: string;
}

/** Which argument of a call is the descriptor that it writes to. */
const WRITTEN: ReadonlyMap<number, "a0" | "a2"> = numbered({
  ...{ write: "a0", writev: "a0", pwrite64: "a0", pwritev: "a0", pwritev2: "a0", sendfile: "a0", fallocate: "a0" },
  ...{ copy_file_range: "a2", splice: "a2" },
});
const SYNCED: ReadonlyMap<number, "file" | "all"> = numbered({
  ...{ fsync: "file", fdatasync: "file", sync: "all", syncfs: "all" },
});

/** Follows which files hold what was not synced, by the system calls of a machine. */
export class UnsyncedFiles {
  #files = new Map<Inode, Unsynced>();

  get files(): ReadonlyMap<Inode, Unsynced> {
    return this.#files;
  }

  begins(task: Task, number: number, args: CallArguments): void {
    const argument = WRITTEN.get(number);
    if (argument === undefined) return;
    const file = task.files.get(args[argument] | 0);
    const inode = file?.inode ?? null;
    if (inode?.isRegular !== true || (file!.flags & O_DSYNC) !== 0) return;
    if (this.#files.has(inode) || this.#files.size >= FOLLOWED_MOST) return;
    const path = file!.path === null ? file!.description : pathName(file!.path, task.fs.root);
    this.#files.set(inode, { size: inode.size, path: byteStringToUtf8(path) });
  }

  ends(task: Task, number: number, { a0 }: CallArguments, result: number): void {
    const synced = SYNCED.get(number);
    if (synced === undefined || result < 0) return;
    if (synced === "all") return this.#files.clear();
    const inode = task.files.get(a0 | 0)?.inode ?? null;
    if (inode !== null) this.#files.delete(inode);
  }

  static {
    stateClass("UnsyncedFiles", this, {
      save: (it) => ({ files: it.#files }),
      load: (it, from) => ({ files: it.#files } = from),
    });
  }
}

/**
 * Brings the machine's file systems to where a power cut would leave them; of a cut that leaves what was flushed, they
 * stay as they are.
 *
 * @param amount  of "names": which files
 * @returns the files that lost content, as paths
 */
export function cutPower(kernel: Kernel, { files }: UnsyncedFiles, kind: PowerCutKind, amount = 0): string[] {
  if (kind === "flushed") return [];
  const lost: string[] = [];
  if (kind === "names") {
    const live = [...files].filter(([inode, { size }]) => !inode.isEvicted && inode.nlink > 0 && inode.size > size);
    // Some of them, by the bits of the amount; if it has none, all.
    const bits = Math.floor(amount / POWER_CUT_KINDS.length);
    const drawn = live.filter((_, index) => ((bits >>> (index % 29)) & 1) === 1);
    for (const [inode, { size, path }] of drawn.length > 0 ? drawn : live) {
      kernel.fileShrinks(inode, size);
      if (inode.truncate(size, kernel.realtime()) === 0) lost.push(path);
    }
  }
  syncAll(kernel);
  return lost;
}

function numbered<T>(byName: Readonly<Record<string, T>>): ReadonlyMap<number, T> {
  return new Map(Object.entries(byName).map(([name, value]) => [SYSCALL_NUMBERS.get(name)!, value]));
}
