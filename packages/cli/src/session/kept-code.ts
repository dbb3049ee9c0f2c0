/** Where translations are kept between runs, and who translates what a run has learned when it is over. */
import { setPriority } from "node:os";
import { FileLockedError, lockFile, NodeCodeArchive, NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "@stratos/riscv";

/** For a run: undefined when the user wants none (`--no-cache`, STRATOS_NO_CACHE). */
export function codeArchiveFor(home: string, options: { readonly cache?: boolean }): NodeCodeArchive | undefined {
  const isOff = options.cache === false || (process.env["STRATOS_NO_CACHE"] ?? "") !== "";
  return isOff ? undefined : openCodeArchive(home);
}

/** What is handed over is translated by `stratos cache fill`, which help doesn't show. */
export function openCodeArchive(home: string): NodeCodeArchive {
  return new NodeCodeArchive(home, [process.execPath, ...process.execArgv, process.argv[1]!, "cache", "fill"]);
}

/**
 * Translates what waits, in the background of whatever else the host does: one process at a time, which also takes what
 * others leave meanwhile.
 */
export function fillCodeArchive(home: string): void {
  const archive = new NodeCodeArchive(home, null);
  if (archive.profiles().length === 0) return;
  let unlock: () => void;
  try {
    unlock = lockFile(archive.lockPath);
  } catch (error) {
    if (error instanceof FileLockedError) return;
    throw error;
  }
  try {
    setPriority(LEAST_PRIORITY);
    const engine = new NodeWasmEngine();
    for (let [name] = archive.profiles(); name !== undefined; [name] = archive.profiles()) {
      const bytes = archive.takeProfile(name);
      if (bytes !== null) keepProfiles(bytes, archive, engine);
    }
  } finally {
    unlock();
  }
}

/** setpriority(2). */
const LEAST_PRIORITY = 19;
