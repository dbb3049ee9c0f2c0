/** The lock file beside a treefile: `server.yaml` has `server.lock.json`. */
import { readFile } from "node:fs/promises";
import { EMPTY_LOCK, formatLock, LockError, parseLock, type Lock, type LockMode } from "@stratos/compose";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

export function lockPath(treefile: string, given: string | undefined): string {
  return given ?? treefile.replace(/\.(ya?ml|toml|json)$/, "") + ".lock.json";
}

export function lockModeOf(options: { locked?: true; update?: true }): LockMode {
  if (options.locked === true && options.update === true)
    throw new OperationError("option", "--locked", "cannot be given with --update");
  return options.locked === true ? "locked" : options.update === true ? "update" : "use";
}

/** The lock, or an empty one when there is no file. @throws OperationError */
export async function readLock(path: string): Promise<Lock> {
  try {
    return parseLock(await readFile(path, "utf8"), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return EMPTY_LOCK;
    if (error instanceof LockError)
      throw new OperationError(
        "build",
        path,
        `${error.message.replace(`${path}: `, "")}; remove it, or give another by --lock`,
        {
          cause: error,
        },
      );
    throw new OperationError("build", path, hostReason(error), { cause: error });
  }
}

export async function writeLock(path: string, lock: Lock): Promise<void> {
  const text = formatLock(lock);
  if ((await readFile(path, "utf8").catch(() => "")) === text) return;
  try {
    replaceFile(path, text);
  } catch (error) {
    throw new OperationError("build", path, `the lock cannot be written: ${hostReason(error)}`, { cause: error });
  }
}
