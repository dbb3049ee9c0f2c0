/**
 * A root filesystem that is in use, to be read and changed in place: a host folder, an AegisFS volume, memory. Paths
 * are byte strings relative to the root, without slashes at their ends; "" is the root itself. An implementation
 * follows no symbolic link, neither at the end of a path nor within: the caller resolves them ({@link RootPaths}).
 */
import type { RootMeta } from "./root-writer.ts";

export type RootNode =
  | { kind: "directory"; meta: RootMeta }
  | { kind: "file"; meta: RootMeta; sizeBytes: number }
  | { kind: "symlink"; meta: RootMeta; target: string }
  /** a device, a fifo or a socket */
  | { kind: "special"; meta: RootMeta };

export interface DeviceNumber {
  kind: "character" | "block";
  major: number;
  minor: number;
}

/** All throw when the host refuses; making something where something is, is refused. */
export interface RootFiles {
  /** what stands at the path; undefined when nothing does */
  look(path: string): RootNode | undefined;
  /** names in a directory, sorted; empty when there is none */
  list(path: string): string[];
  read(path: string): Uint8Array;
  directory(path: string, meta: RootMeta): void;
  file(path: string, meta: RootMeta, content: Uint8Array): void;
  symlink(path: string, meta: RootMeta, target: string): void;
  hardLink(path: string, existing: string): void;
  device(path: string, meta: RootMeta, device: DeviceNumber): void;
  fifo(path: string, meta: RootMeta): void;
  /** sets owner, permissions and time; for symlinks owner and time */
  setMeta(path: string, meta: RootMeta): void;
  /** Moves at once, replacing what is no directory. Works across mounted file systems within the root. */
  rename(from: string, to: string): void;
  /** Removes what is no directory. */
  remove(path: string): void;
  /** Removes an empty directory; false when it is not empty. */
  removeDirectory(path: string): boolean;
  /** All that was done before is on the disk before anything that is done after. */
  sync(): void;
}
