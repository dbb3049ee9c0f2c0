/** Files by absolute path, and what happens to them. */
import type { SignalOption } from "./api-abort-signal.ts";
import type { Bytes } from "./api-programs.ts";

export type FileKind = "file" | "folder" | "link" | "fifo" | "socket" | "device";

export interface FileStatus {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Permission bits, 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Since 1970. */
  readonly modifiedMs: number;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** Who reads and writes: what the files permit to others is refused, and what is made is theirs. */
export interface FileUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; default: none. */
  readonly groups?: readonly number[];
}

/** Files by absolute path, as root sees them: of a running sandbox, of a volume, of an image. */
export interface FileAccess {
  /** @throws StratosError of kind `file`; also for a file beyond 1 GiB */
  read(path: string, options?: SignalOption): Promise<Uint8Array>;
  /** The file as text. */
  readText(path: string, options?: SignalOption): Promise<string>;
  /** Makes the file, or replaces its content. `mode` is that of a new one; default: 0o644. */
  write(path: string, content: Bytes, options?: SignalOption & { readonly mode?: number }): Promise<void>;
  list(path: string, options?: SignalOption): Promise<FolderEntry[]>;
  /** Of the file itself when a link leads to it. */
  stat(path: string, options?: SignalOption): Promise<FileStatus>;
  /** `parents`: those on the way are made, too, and one that is there is no failure. */
  mkdir(path: string, options?: SignalOption & { readonly parents?: boolean; readonly mode?: number }): Promise<void>;
  rename(from: string, to: string, options?: SignalOption): Promise<void>;
  /** `recursive`: a folder goes with all that is in it. */
  rm(path: string, options?: SignalOption & { readonly recursive?: boolean }): Promise<void>;
  /** Where a symbolic link leads, as it says. EINVAL for what is none. */
  readlink(path: string, options?: SignalOption): Promise<string>;
  /** Makes a symbolic link at `path`, whether or not there is something where it leads. */
  symlink(target: string, path: string, options?: SignalOption): Promise<void>;
  /**
   * Makes `to` a copy, with mode, owner and time; links stay links. A file that is there is replaced, a folder is added
   * to. What is neither file, folder nor link is left out. `recursive`: a folder with all that is in it.
   *
   * @throws StratosError of kind `file`: EISDIR for a folder without `recursive`, EINVAL for a copy into itself
   */
  cp(from: string, to: string, options?: SignalOption & { readonly recursive?: boolean }): Promise<void>;
  /**
   * Unpacks a tar archive (ustar, GNU or pax) into a folder, which is made. What is there is replaced; devices and
   * fifos of the archive are left out.
   *
   * @throws StratosError of kind `archive` when it is damaged or has names with `..`; what came before stays
   */
  upload(folder: string, tar: Uint8Array, options?: SignalOption): Promise<void>;
  /**
   * What is in a folder, as a tar archive: names relative to it, in order; of a machine's root without what its kernel
   * makes up (/proc, /sys). EFBIG beyond 1 GiB.
   */
  download(folder: string, options?: SignalOption): Promise<Uint8Array>;
}

/** What happened to a file that is watched, or to a name in a folder that is. */
export interface FileEvent {
  /** `moved` comes twice: for the name that is gone and for the new one. `lost`: some events were left out. */
  readonly kind: "created" | "modified" | "attributes" | "moved" | "removed" | "lost";
  /** Absolute; of `lost` what is watched. */
  readonly path: string;
}

/** A file that differs from what it was. */
export interface FileDifference {
  readonly kind: "added" | "removed" | "moved" | "modified";
  /** Of what was removed: where it was. */
  readonly path: string;
  /** Of what was moved: where it was; else null. */
  readonly from: string | null;
  readonly type: "file" | "folder" | "other";
}
