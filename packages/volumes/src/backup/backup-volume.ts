/**
 * The volume that is backed up or restored: open in this process, or served by another one, which makes and deletes its
 * snapshots while this one reads its devices.
 */
import { Readable } from "node:stream";
import { FileLockedError, lockFile, processWords } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import { VolumeInUseError } from "../volume-in-use-error.ts";
import { toText } from "../file-tree.ts";
import { runWhereMounted } from "../mount-control.ts";
import { withVolume, type OpenedVolume } from "../open-volume.ts";
import { createSnapshot, deleteSnapshots, rollBack } from "../snapshots.ts";
import { SnapshotReceiver } from "../transfers.ts";

export interface BackupVolume {
  readonly path: string;
  /**
   * Keeps other backups of it away: two at once would each take the store's list for theirs.
   * @returns what lets them. @throws OperationError when one is being made
   */
  lock(): () => void;
  read<T>(work: (opened: OpenedVolume) => T | Promise<T>): Promise<T>;
  createSnapshot(name: string, label: string): Promise<void>;
  deleteSnapshots(names: readonly string[]): Promise<void>;
  /** Makes a snapshot from a stream. @returns its name */
  receive(stream: AsyncIterable<Uint8Array>): Promise<string>;
  rollBack(name: string): Promise<void>;
}

export function ownVolume(opened: OpenedVolume): BackupVolume {
  return {
    path: opened.path,
    // Who has it open is the only one.
    lock: () => () => {},
    read: async (work) => work(opened),
    createSnapshot: async (name, label) => void createSnapshot(opened, { name, label }),
    deleteSnapshots: async (names) => void deleteSnapshots(opened, names),
    receive: async (stream) => {
      const receiver = new SnapshotReceiver(opened);
      for await (const piece of stream) receiver.push(piece);
      return toText(receiver.finish().name);
    },
    rollBack: async (name) => rollBack(opened, name),
  };
}

/**
 * @param source  the device that its mount names
 * @throws OperationError with what its server says, and `inUse` where no server answers
 */
function servedVolume(path: string, source: string, inUse: OperationError): BackupVolume {
  const ask = async (args: readonly string[], input: Readable | null = null): Promise<string> => {
    let stdout = "",
      stderr = "";
    const status = await runWhereMounted(source, ["fs", ...args], {
      stdout: (text) => void (stdout += text),
      stderr: (text) => void (stderr += text),
      ...(input === null ? {} : { stdin: input }),
    });
    if (status === null) throw inUse;
    if (status !== 0)
      throw new OperationError(
        "volume",
        path,
        stderr
          .trim()
          .replace(/^stratos: /, "")
          .replace(`${path}: `, "") || `its server ended the command with status ${status}`,
      );
    return stdout;
  };
  return {
    path,
    lock: () => lockBackups(path, source),
    read: (work) => withVolume(path, "read", work),
    createSnapshot: async (name, label) => void (await ask(["snapshot", "create", "--label", label, "--", path, name])),
    deleteSnapshots: async (names) => void (await ask(["snapshot", "delete", "--", path, ...names])),
    receive: async (stream) =>
      (await ask(["receive", "--", path], Readable.from(stream, { objectMode: false }))).trimEnd(),
    rollBack: async (name) => void (await ask(["snapshot", "rollback", "--", path, name])),
  };
}

/** Has a volume backed up or restored where it can be: here, or with the help of who serves it. */
export async function withBackupVolume<T>(path: string, work: (volume: BackupVolume) => Promise<T>): Promise<T> {
  let begun = false;
  try {
    return await withVolume(path, "write", (opened) => {
      begun = true;
      return work(ownVolume(opened));
    });
  } catch (error) {
    if (begun || !(error instanceof VolumeInUseError)) throw error;
    return work(servedVolume(path, error.path, error));
  }
}

/** Beside the volume's own lock. Where none can be made, the store's list is what tells of others (backup.ts). */
function lockBackups(path: string, source: string): () => void {
  try {
    return lockFile(`${source}.backup`);
  } catch (error) {
    if (error instanceof FileLockedError)
      throw new OperationError("in-use", path, `${processWords(error.owner)} is making a backup of it`, {
        cause: error,
      });
    return () => {};
  }
}
