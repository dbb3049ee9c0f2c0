/** Images and volumes: where they are, how they are made and opened. */
import type { SignalOption } from "./api-abort-signal.ts";

/** A file's content, such as a `Blob` or a `File` in a browser. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A file that a page may use, such as a `FileSystemFileHandle`; it can be changed when it is of the origin's own. */
export interface FileHandleLike {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<BlobLike>;
}

/**
 * An image. Node: its name, or a state of its past (`debian@3-before`). Browsers: the URL of a folder with `image.json`
 * and its layers, or the layers themselves, from the bottom up.
 */
export type ImagePlace = string | BlobLike | readonly BlobLike[];

/** A volume. Node: a file or block device, or several as `A,B,C`. Browsers: its files, in any order. */
export type VolumePlace = string | FileHandleLike | BlobLike | readonly (FileHandleLike | BlobLike)[];

/** Where images and settings are kept. */
export interface HomeOptions {
  /** Folder; default: `STRATOS_HOME`, else `$XDG_DATA_HOME/stratos`, else `~/.local/share/stratos`. */
  readonly home?: string;
}

/** How an image that is missing is made. */
export interface ImageSource {
  /** A container image for riscv64 in a registry: `registry.example.org/name:tag`. */
  readonly reference?: string;
  /** The registry speaks HTTP without TLS. */
  readonly plainHttp?: boolean;
  /** Packages of Debian beside the smallest system; for the image `debian` the usual ones are taken without this. */
  readonly packages?: readonly string[];
  /** Debian's release; default: trixie. */
  readonly suite?: string;
  /** Debian mirror, as in an apt source; default: what the settings say. */
  readonly mirror?: string;
}

/** What the work on an image has reached. */
export interface ImageProgress {
  readonly phase: "waiting" | "index" | "download" | "unpack" | "configure" | "pull" | "warning";
  /** So many of `total` are done; 0 of 0 when that is not known. */
  readonly done: number;
  readonly total: number;
  readonly unit: "bytes" | "files" | "packages";
  /** What it is at, or what the warning says. */
  readonly detail: string;
}

export interface OpenImageOptions extends HomeOptions, SignalOption {
  /** Makes an image that is missing: Debian's usual one for `debian`, else as it says. Default: false. */
  readonly pull?: boolean | ImageSource;
  readonly onProgress?: (progress: ImageProgress) => void;
}

export interface OpenVolumeOptions extends SignalOption {
  /** Nothing is changed, and another process may have it. Default: false. */
  readonly readOnly?: boolean;
  /** Of an encrypted volume. */
  readonly passphrase?: string;
}

/** How a volume was opened, so that another engine can open it. */
export interface VolumeOpening extends OpenVolumeOptions {
  readonly place: VolumePlace;
}

/** What `openVolume` gives, as a sandbox takes it. */
export interface OpenedVolume {
  /** Makes what was changed durable. */
  sync(options?: SignalOption): Promise<void>;
  /** Makes what was changed durable, and lets go. */
  close(): Promise<void>;
  /** @internal Closes it here, for who opens it anew. */
  handOver(): Promise<VolumeOpening>;
}

/** What an image is made of. */
export interface ImageInfo {
  readonly name: string;
  readonly architecture: string;
  /** Debian's release; null for an image from elsewhere. */
  readonly suite: string | null;
  readonly createdAt: string;
  readonly sizeBytes: number;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}
