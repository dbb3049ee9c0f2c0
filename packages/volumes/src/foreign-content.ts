/**
 * What a file or device holds that is no AegisFS volume: file systems and containers by the marks that they begin with,
 * as blkid(8) and file(1) know them.
 */

interface Mark {
  readonly what: string;
  readonly offset: number;
  readonly bytes: readonly number[];
}

const ascii = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));

/** The first that fits is told: what lies around others (partition tables) comes last. */
const MARKS: readonly Mark[] = [
  { what: "a Btrfs file system", offset: 0x10040, bytes: ascii("_BHRfS_M") },
  { what: "an XFS file system", offset: 0, bytes: ascii("XFSB") },
  { what: "an F2FS file system", offset: 1024, bytes: [0x10, 0x20, 0xf5, 0xf2] },
  { what: "an EROFS file system", offset: 1024, bytes: [0xe2, 0xe1, 0xf5, 0xe0] },
  { what: "a bcachefs file system", offset: 4096 + 24, bytes: [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca] },
  { what: "a SquashFS file system", offset: 0, bytes: ascii("hsqs") },
  { what: "an NTFS file system", offset: 3, bytes: ascii("NTFS    ") },
  { what: "an exFAT file system", offset: 3, bytes: ascii("EXFAT   ") },
  { what: "a FAT file system", offset: 82, bytes: ascii("FAT32") },
  { what: "a FAT file system", offset: 54, bytes: ascii("FAT1") },
  { what: "an ISO 9660 file system", offset: 32769, bytes: ascii("CD001") },
  { what: "a LUKS container", offset: 0, bytes: [...ascii("LUKS"), 0xba, 0xbe] },
  { what: "an LVM physical volume", offset: 512, bytes: ascii("LABELONE") },
  { what: "a Linux swap area", offset: 4086, bytes: ascii("SWAPSPACE2") },
  { what: "a QCOW2 image", offset: 0, bytes: [...ascii("QFI"), 0xfb] },
  { what: "a VMDK image", offset: 0, bytes: ascii("KDMV") },
  { what: "a send stream or archive packed with zstd", offset: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { what: "a gzip archive", offset: 0, bytes: [0x1f, 0x8b] },
  { what: "an xz archive", offset: 0, bytes: [0xfd, ...ascii("7zXZ")] },
  { what: "a tar archive", offset: 257, bytes: ascii("ustar") },
  { what: "a disk with a GPT partition table", offset: 512, bytes: ascii("EFI PART") },
  { what: "a disk with an MBR partition table", offset: 510, bytes: [0x55, 0xaa] },
];

const EXT_MAGIC_AT = 1024 + 56,
  EXT_COMPATIBLE_AT = 1024 + 92,
  EXT_INCOMPATIBLE_AT = 1024 + 96;
const EXT_HAS_JOURNAL = 4,
  EXT_EXTENTS = 0x40;

/** All marks lie in these bytes of a device. */
export const MARKED_BYTES: number = 0x10048;

/** @param bytes  the first `MARKED_BYTES`, or as many as there are @returns null for nothing that is known */
export function foreignContent(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Source: Linux fs/ext4/ext4.h, struct ext4_super_block.
  if (bytes.length >= 2048 && view.getUint16(EXT_MAGIC_AT, true) === 0xef53) {
    if ((view.getUint32(EXT_INCOMPATIBLE_AT, true) & EXT_EXTENTS) !== 0) return "an ext4 file system";
    return (view.getUint32(EXT_COMPATIBLE_AT, true) & EXT_HAS_JOURNAL) !== 0
      ? "an ext3 file system"
      : "an ext2 file system";
  }
  return (
    MARKS.find(
      ({ offset, bytes: mark }) =>
        offset + mark.length <= bytes.length && mark.every((byte, at) => bytes[offset + at] === byte),
    )?.what ?? null
  );
}
