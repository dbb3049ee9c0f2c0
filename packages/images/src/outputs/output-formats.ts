import { DISK_FORMATS, FILE_SYSTEM_FORMATS, REPOSITORY_FORMATS } from "@stratos/outputs/format-names";

/**
 * Formats that a root can be written in. A list of its own, so that the command line knows them without loading their
 * writers.
 */
export const OUTPUT_FORMATS = [
  "tar",
  ...REPOSITORY_FORMATS,
  ...FILE_SYSTEM_FORMATS,
  ...DISK_FORMATS,
  "iso",
  "squashfs",
  "cpio",
  "initramfs",
] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
export type OutputCompression = "none" | "gzip" | "zstd" | "lz4";
/** How the files of each format may be packed; the others have no choice. */
export const OUTPUT_COMPRESSIONS: Readonly<Partial<Record<OutputFormat, readonly OutputCompression[]>>> = {
  tar: ["none", "gzip", "zstd"],
  oci: ["none", "gzip", "zstd"],
  "oci-archive": ["none", "gzip", "zstd"],
  cpio: ["none", "gzip", "zstd"],
  initramfs: ["none", "gzip", "zstd"],
  qcow2: ["none", "gzip", "zstd"],
  vmdk: ["none", "gzip"],
  iso: ["gzip", "zstd"],
  squashfs: ["gzip", "zstd"],
  btrfs: ["none", "zstd"],
  erofs: ["none", "lz4"],
};
/** What the root of a disk may lie on. */
export const DISK_FILE_SYSTEMS = [...FILE_SYSTEM_FORMATS, "aegisfs"] as const;
