/**
 * The process that translates what runs have handed over: `fill-translations.mjs HOME`, in the background of whatever
 * else the host does. One at a time for a home; it also takes what others leave meanwhile.
 */
import { FileLockedError, giveWay, lockFile, NodeCodeArchive, NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "@stratos/riscv";

const archive = new NodeCodeArchive(process.argv[2] ?? "", null);
const unlock = archive.profiles().length === 0 ? null : lockOrLeave();
if (unlock !== null) {
  try {
    giveWay();
    const engine = new NodeWasmEngine();
    // What can't be taken, or not taken away, stays in the folder: once is enough.
    const tried = new Set<string>();
    const next = (): string | undefined => archive.profiles().find((name) => !tried.has(name));
    for (let name = next(); name !== undefined; name = next()) {
      tried.add(name);
      const bytes = archive.takeProfile(name);
      if (bytes !== null) keepProfiles(bytes, archive, engine);
    }
  } finally {
    unlock();
  }
}

/** @returns null: another does it */
function lockOrLeave(): (() => void) | null {
  try {
    return lockFile(archive.lockPath);
  } catch (error) {
    if (error instanceof FileLockedError) return null;
    throw error;
  }
}
