/** Where translations are kept between runs, and who translates what a run has learned when it is over. */
import { setPriority } from "node:os";
import { FileLockedError, lockFile, NodeCodeArchive, NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "@stratos/riscv";

/** What is hidden from help: `stratos cache fill`. */
export function openCodeArchive(home: string): NodeCodeArchive {
  const [program, ...rest] = [process.execPath, ...process.execArgv, process.argv[1]!, "cache", "fill"];
  return new NodeCodeArchive(home, [program, ...rest]);
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
