/**
 * File systems that a root can be written on, by one interface: how large, what a system is told of them, and writing.
 */
import {
  btrfsSizeFor,
  erofsSizeFor,
  ext4SizeFor,
  FormatError,
  writeBtrfs,
  writeErofs,
  writeExt4,
  writeXfs,
  xfsSizeFor,
  type Codecs,
  type Disk,
  type FileTree,
} from "@stratos/formats";

export const ROOT_FORMATS = ["ext4", "btrfs", "xfs", "erofs", "aegisfs"] as const;
export type RootFormat = (typeof ROOT_FORMATS)[number];

/** What lies on the file system: one tree without a name, or on btrfs several with names. */
export interface RootShare {
  readonly subvolume: string;
  readonly tree: FileTree;
  readonly readOnly?: boolean;
  readonly snapshotOf?: string;
}

export interface RootOptions {
  readonly uuid: string;
  readonly label: string;
  /** seconds since 1970 */
  readonly time: number;
  /** the disk's bytes are zero already */
  readonly isZeroed: boolean;
  /** a UUID for each further use */
  readonly id: (what: string) => string;
  /** packs contents, on btrfs */
  readonly zstd?: Codecs["zstd"];
  /** packs contents by LZ4, on EROFS */
  readonly isPacked?: boolean;
}

export interface RootFileSystem {
  /** Bytes that the shares need at least. */
  sizeFor(shares: readonly RootShare[], options?: Pick<RootOptions, "isPacked">): number;
  write(disk: Disk, shares: readonly RootShare[], options: RootOptions): void;
  /** nothing is ever written to it, so it needs no room to work in */
  readonly isReadOnly: boolean;
  /** the usual options in fstab, and whether it is checked at boot */
  readonly mountOptions: string;
  readonly checkPass: 0 | 1;
}

const ext4: RootFileSystem = {
  isReadOnly: false,
  mountOptions: "errors=remount-ro",
  checkPass: 1,
  sizeFor: (shares) => ext4SizeFor(only(shares, "ext4"), 0),
  write: (disk, shares, { uuid, label, time, isZeroed }) =>
    writeExt4(disk, only(shares, "ext4"), { uuid, label: label.slice(0, 16), time, isZeroed }),
};

const btrfs: RootFileSystem = {
  isReadOnly: false,
  mountOptions: "defaults",
  checkPass: 0,
  sizeFor: (shares) => btrfsSizeFor(shares),
  write(disk, shares, { uuid, label, time, id, zstd }) {
    writeBtrfs(
      disk,
      shares.map(({ subvolume, ...share }) => ({ ...share, name: subvolume })),
      { uuid, label, time, id, ...(zstd === undefined ? {} : { zstd }) },
    );
  },
};

const xfs: RootFileSystem = {
  isReadOnly: false,
  mountOptions: "defaults",
  // The kernel replays its log when it mounts it, and fsck.xfs does nothing.
  checkPass: 0,
  sizeFor: (shares) => xfsSizeFor(only(shares, "xfs")),
  write: (disk, shares, { uuid, label, time, isZeroed }) =>
    writeXfs(disk, only(shares, "xfs"), { uuid, label, time, isZeroed }),
};

const erofs: RootFileSystem = {
  isReadOnly: true,
  mountOptions: "ro",
  checkPass: 0,
  sizeFor: (shares, options) => erofsSizeFor(only(shares, "erofs"), options),
  write: (disk, shares, { uuid, label, time, isPacked }) =>
    void writeErofs(disk, only(shares, "erofs"), { uuid, label, time, isPacked: isPacked === true }),
};

/** @param aegisfs  AegisFS, from a caller that has its engine. @throws FormatError without one */
export function rootFileSystem(format: RootFormat, aegisfs?: RootFileSystem): RootFileSystem {
  if (format !== "aegisfs") return { ext4, btrfs, xfs, erofs }[format];
  if (aegisfs === undefined) throw new FormatError("AegisFS: not written here");
  return aegisfs;
}

/** The one tree of a file system without subvolumes. */
function only(shares: readonly RootShare[], format: string): FileTree {
  if (shares.length !== 1 || shares[0]!.subvolume !== "")
    throw new FormatError(`${format} has no subvolumes; btrfs has`);
  return shares[0]!.tree;
}
