/**
 * One writer at a time for a file: `PATH.lock` (of /dev/X: /run/lock/stratos-dev-X.lock) names the process that has it.
 * Node offers no flock(2), and a lock file that names its owner can be taken over when the owner is gone: its pid no
 * longer runs, or runs a program that started at another time.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { threadId } from "node:worker_threads";
import { elsewhereWords } from "./mount-namespaces.ts";
import { isRunning, processWords, statOfProcess } from "./running-process.ts";
import { failedAt } from "./whole-file.ts";

export class FileLockedError extends Error {
  readonly path: string;
  readonly owner: number;
  /** Who has it, and where it is mounted when that is in another mount namespace. */
  readonly words: string;

  constructor(path: string, owner: number) {
    const words = `in use by ${processWords(owner)}${elsewhereWords(realPathOf(path))}`;
    super(`${path}: ${words}`);
    this.words = words;
    this.path = path;
    this.owner = owner;
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The running process that holds the lock of `path`, or null. */
export function lockOwner(path: string): number | null {
  const owner = readOwner(lockPathOf(path));
  if (owner === null || owner !== identityOf(Number.parseInt(owner, 10))) return null;
  return Number.parseInt(owner, 10);
}

/** Where the process that has a volume mounted listens for commands: a socket beside the lock. */
export function mountControlPath(path: string): string {
  return lockPathOf(path).replace(/lock$/, "control");
}

/**
 * Takes away what a process left that was killed: the lock, and the socket of one that had the volume mounted. What it
 * may not remove it leaves.
 */
export function removeLeftovers(path: string): void {
  try {
    if (readOwner(lockPathOf(path)) === null && !existsSync(mountControlPath(path))) return;
    const release = lockFile(path);
    rmSync(mountControlPath(path), { force: true });
    release();
  } catch {
    // It is in use, or another user's.
  }
}

/** Beside the file; a device's beside those of other programs, since /dev is no place for files. */
function lockPathOf(path: string): string {
  return path.startsWith("/dev/") ? `/run/lock/stratos${path.replaceAll("/", "-")}.lock` : `${path}.lock`;
}

/**
 * Takes the lock of `path`.
 *
 * @returns a function that releases it
 * @throws FileLockedError when a running process holds it
 */
export function lockFile(path: string): () => void {
  const lockPath = lockPathOf(path);
  for (let attempt = 0; attempt < TAKEOVER_ATTEMPTS; attempt++) {
    try {
      makeLock(lockPath);
      return once(() => rmSync(lockPath, { force: true }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw failedAt(path, error);
    }
    const owner = readOwner(lockPath);
    if (owner === null) continue;
    if (owner === identityOf(Number.parseInt(owner, 10))) throw new FileLockedError(path, Number.parseInt(owner, 10));
    // Stale. Rename first: of two processes that both saw it, one gets it and removes it, and the other sees ENOENT.
    const grave = `${lockPath}.${ownName}`;
    try {
      renameSync(lockPath, grave);
      unlinkSync(grave);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new FileLockedError(path, 0);
}

/** @throws Node's error; EEXIST: there is one */
function makeLock(lockPath: string): void {
  const owner = identityOf(process.pid);
  // link(2) makes the name and its content appear at once: no one sees a lock that does not name its owner yet.
  const draft = `${lockPath}.${ownName}`;
  try {
    writeFileSync(draft, owner);
    linkSync(draft, lockPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    // A full disk has the draft's name, and no place for its content. Where a symbolic link leads lies in its inode,
    // and what frees space needs its lock.
    try {
      symlinkSync(owner, lockPath);
    } catch (again) {
      throw (again as NodeJS.ErrnoException).code === "EEXIST" ? again : error;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

const TAKEOVER_ATTEMPTS = 8;
/** The process holds a lock, whichever of its threads has taken it; but each writes files of its own. */
const ownName = `${process.pid}.${threadId}`;

/** The owner's line; null when the lock has just gone. */
function readOwner(lockPath: string): string | null {
  try {
    return lstatSync(lockPath).isSymbolicLink() ? readlinkSync(lockPath) : readFileSync(lockPath, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** `pid start-time` as far as the host tells; "" when no such process runs. */
function identityOf(pid: number): string {
  if (!Number.isInteger(pid) || pid <= 0) return "none";
  try {
    const fields = statOfProcess(pid);
    // A process that was killed, and that nobody has waited for: it holds nothing once its threads are gone.
    if (fields[0] === "Z" && readdirSync(`/proc/${pid}/task`).length <= 1) return "none";
    return `${pid} ${fields[19]}`;
  } catch {
    // No /proc: the pid alone must do.
  }
  return isRunning(pid) ? `${pid}` : "none";
}

function once(release: () => void): () => void {
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    release();
  };
}
