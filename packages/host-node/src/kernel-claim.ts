/**
 * One writer of a volume's content, whatever names and devices lead to it. A lock file (file-lock.ts) is for a name,
 * and names its owner; what is claimed here is the file itself:
 *
 *     a file             flock(2), exclusive: by hard links, bind mounts, from other containers it is the same file
 *     a block device     opening it with O_EXCL is the claim (FileBlockDevice); of the file of a loop device flock(2),
 *                        exclusive; of the files of those that it is a part of or stands on, shared: partitions of one
 *                        may be volumes of their own, which O_EXCL tells apart, but nobody may have the file itself
 *
 * Who serves a volume that is mounted read-only believes what it has read, for as long as it is mounted: it shares
 * flock(2) of the same files with its like, and no writer gets them.
 *
 * The kernel gives a claim up with its process. Node offers no flock(2), but flock(1) takes one on a descriptor that
 * it inherits, and the descriptor's owner keeps it. Where there is no such program, or the file system has no such
 * locks, the lock files alone hold.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { FileLockedError, lockOwner } from "./file-lock.ts";
import { sleepSync } from "./sleep-sync.ts";
import { deviceFolder } from "./write-protection.ts";

/** flock(1), EXIT STATUS: somebody else has it. */
const HELD = 1;

/**
 * Claims what `fd` is open on, the file or device at `path`.
 *
 * @returns a function that gives it back; the claim of a file itself goes with `fd`
 * @throws FileLockedError when somebody else has it
 */
export function claimContent(path: string, fd: number): () => void {
  const stat = fstatSync(fd);
  if (!stat.isBlockDevice()) {
    if (isHeldForLong(path, fd)) throw lockedBy(path, stat.dev, stat.ino);
    return () => {};
  }
  const below: number[] = [];
  const giveBack = (): void => below.forEach(closeSync);
  const isLoop = readText(`${deviceFolder(stat.rdev)}/loop/backing_file`) !== null;
  try {
    for (const loop of loopsUnder(deviceFolder(stat.rdev))) {
      const file = openOrNull(loop.file);
      if (file === null) continue;
      below.push(file);
      const { dev, ino } = fstatSync(file);
      if ((isLoop ? isHeldForLong(path, file) : isHeld(file, "--shared")) || isInUseByOtherLoop(loop))
        throw lockedBy(path, dev, ino);
    }
  } catch (error) {
    giveBack();
    throw error;
  }
  return giveBack;
}

/**
 * Keeps writers from what `fd` is open on, the file or device at `path`, whose reader does not ask twice.
 *
 * @returns a function that lets them; what keeps them from a file itself goes with `fd`
 * @throws FileLockedError when somebody writes it
 */
export function claimToRead(path: string, fd: number): () => void {
  const owner = lockOwner(path);
  if (owner !== null) throw new FileLockedError(path, owner);
  const stat = fstatSync(fd);
  if (!stat.isBlockDevice()) {
    if (isHeld(fd, "--shared")) throw lockedBy(path, stat.dev, stat.ino);
    return () => {};
  }
  const below: number[] = [];
  const giveBack = (): void => below.forEach(closeSync);
  for (const loop of loopsUnder(deviceFolder(stat.rdev))) {
    const file = openOrNull(loop.file);
    if (file === null) continue;
    below.push(file);
    const { dev, ino } = fstatSync(file);
    if (!isHeld(file, "--shared")) continue;
    giveBack();
    throw lockedBy(path, dev, ino);
  }
  return giveBack;
}

/** A server of a mount that has ended may not have ended yet; of a writer its lock file tells (ending-mount.ts). */
const ENDING_MS = 1000;
const POLL_MS = 20;

/** Has somebody else the file, who is no reader about to end? Then it is not claimed, else it is. */
function isHeldForLong(path: string, fd: number): boolean {
  for (let waitedMs = 0; isHeld(fd, "--exclusive"); waitedMs += POLL_MS) {
    if (waitedMs >= ENDING_MS || lockOwner(path) !== null) return true;
    sleepSync(POLL_MS);
  }
  return false;
}

function isHeld(fd: number, kind: "--exclusive" | "--shared"): boolean {
  return spawnSync("flock", ["--nonblock", kind, "3"], { stdio: ["ignore", "ignore", "ignore", fd] }).status === HELD;
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch {
    // It was removed, or lies where this process cannot look: nobody finds it by that name.
    return null;
  }
}

interface Loop {
  readonly name: string;
  readonly file: string;
}

/** Devices that a device stands on may stand on others; Linux allows eight levels of stacked loop devices. */
const LEVELS_MAX = 16;

/** The loop devices that a device is, is a partition of, or is put together from (dm, md). */
function loopsUnder(place: string, level = 0): Loop[] {
  if (level > LEVELS_MAX) return [];
  let folder: string;
  try {
    folder = realpathSync(place);
  } catch {
    return [];
  }
  const disk = readText(`${folder}/partition`) === null ? folder : `${folder}/..`;
  const file = readText(`${disk}/loop/backing_file`);
  if (file !== null) return [{ name: realpathSync(disk).split("/").at(-1)!, file }];
  return listFolder(`${disk}/slaves`).flatMap((slave) => loopsUnder(`${disk}/slaves/${slave}`, level + 1));
}

/**
 * Does another loop device stand on the same file, and is it claimed? Those that mount(8) makes for a mount of ours
 * are not asked: who serves it has the file.
 */
function isInUseByOtherLoop({ name, file }: Loop): boolean {
  return listFolder("/sys/block").some((other) => {
    const loop = `/sys/block/${other}/loop`;
    if (other === name || readText(`${loop}/backing_file`) !== file || readText(`${loop}/autoclear`) === "1")
      return false;
    try {
      closeSync(openSync(`/dev/${other}`, constants.O_RDONLY | constants.O_EXCL));
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EBUSY";
    }
  });
}

function lockedBy(path: string, dev: number, ino: number): FileLockedError {
  return new FileLockedError(path, lockOwner(path) ?? holderOf(dev, ino) ?? 0);
}

/** A process that holds a flock(2) of that file, as far as this one may look: proc_pid_fdinfo(5). */
function holderOf(dev: number, ino: number): number | null {
  for (const pid of listFolder("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    for (const fd of listFolder(`/proc/${pid}/fd`)) {
      try {
        // Most are no files: their links tell without a look at what they are.
        if (!readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("/")) continue;
        const stat = statSync(`/proc/${pid}/fd/${fd}`);
        if (stat.dev === dev && stat.ino === ino && /FLOCK/.test(readText(`/proc/${pid}/fdinfo/${fd}`) ?? ""))
          return Number(pid);
      } catch {
        // It was closed meanwhile, or is behind a server that has died.
      }
    }
  }
  return null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").replace(/\n$/, "");
  } catch {
    return null;
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
