/**
 * Snapshots of a volume that is mounted: its server is the one writer, and takes orders through `.snapshots` in the root of the mount
 * (packages/fuse/src/snapshot-folder.ts).
 */
import { mkdirSync, readFileSync, realpathSync, rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { lockOwner, volumePaths } from "@stratos/host-node";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/fuse";
import { CommandError, hostReason } from "../command-error.ts";
import { checkSnapshotName, compactTime, type SnapshotRequest } from "./snapshots.ts";

/** Where the volume is mounted, or null. */
export function mountPointOf(path: string): string | null {
  const first = volumePaths(path)[0]!;
  if (lockOwner(first) === null) return null;
  const source = realpathSync(first);
  return readMountTable().findLast((mount) => mount.type === AEGISFS_TYPE && mount.source === source)?.mountPoint ?? null;
}

export class MountedSnapshots {
  readonly #path: string;
  readonly #mountPoint: string;
  readonly #folder: string;

  constructor(path: string, mountPoint: string) {
    this.#path = path;
    this.#mountPoint = mountPoint;
    this.#folder = join(mountPoint, ".snapshots");
  }

  /** @returns the snapshot's name. @throws CommandError */
  create(request: SnapshotRequest): string {
    for (const [word, given] of [["--writable", request.writable === true], ["--label", request.label !== undefined], ["--of", request.of !== undefined]] as const) {
      if (given) throw new CommandError(this.#path, `it is mounted at ${this.#mountPoint}: ${word} needs it unmounted`);
    }
    const name = request.name ?? `snapshot-${compactTime(Math.floor(Date.now() / 1000))}`;
    checkSnapshotName(name);
    this.#order(name, () => mkdirSync(join(this.#folder, name)));
    return name;
  }

  delete(name: string): void {
    checkSnapshotName(name);
    this.#order(name, () => rmdirSync(join(this.#folder, name)));
  }

  rollBack(name: string, save?: string): void {
    if (save !== undefined) this.create({ name: save });
    this.#order(name, () => symlinkSync(name, join(this.#folder, ".rollback")));
  }

  /** @throws CommandError in the words of the other commands */
  #order(name: string, order: () => void): void {
    const snapshot = `${this.#path}@${name}`;
    try {
      const { mounted } = JSON.parse(readFileSync(join(this.#mountPoint, ".aegisfs"), "utf8")) as { mounted: { name: string; live: boolean } };
      if (!mounted.live) throw new CommandError(this.#path, `what is mounted at ${this.#mountPoint} is ${mounted.name}, not the live files`);
      order();
    } catch (error) {
      if (error instanceof CommandError) throw error;
      switch ((error as NodeJS.ErrnoException).code) {
        case "ENOENT": throw new CommandError(snapshot, "no such snapshot; `stratos fs snapshot list` shows them, or the mount hides them (nocontrol)", { cause: error });
        case "EOPNOTSUPP": throw new CommandError(snapshot, `it is mounted at ${this.#mountPoint}, and this kernel cannot be told to forget names (Linux 6.16 can): unmount it first`, { cause: error });
        default: throw new CommandError(snapshot, hostReason(error), { cause: error });
      }
    }
  }
}
