/** Which features of ext2, ext3 and ext4 are read, and with which it is written. */
import { COMPAT, INCOMPAT, RO_COMPAT } from "@stratos/formats/ext4";

const READABLE =
  INCOMPAT.filetype |
  INCOMPAT.recover |
  INCOMPAT.metaBg |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.flexBg |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir;
const WRITABLE_RO_COMPAT =
  RO_COMPAT.sparseSuper |
  RO_COMPAT.largeFile |
  RO_COMPAT.hugeFile |
  RO_COMPAT.gdtCsum |
  RO_COMPAT.dirNlink |
  RO_COMPAT.extraIsize |
  RO_COMPAT.metadataCsum;
/** What makes it more than ext2, and more than ext3. */
const EXT4_INCOMPAT = INCOMPAT.extents | INCOMPAT.bit64 | INCOMPAT.flexBg | INCOMPAT.csumSeed | INCOMPAT.largeDir;
const OLD_RO_COMPAT = RO_COMPAT.sparseSuper | RO_COMPAT.largeFile;

export function isWritable(incompat: number, roCompat: number): boolean {
  return (incompat & ~READABLE) === 0 && (roCompat & ~WRITABLE_RO_COMPAT) === 0;
}

/** @returns why it isn't mounted as that type, in words; null: it is */
export function refusal(
  type: string,
  features: { readonly compat: number; readonly incompat: number; readonly roCompat: number },
  readOnly: boolean,
): string | null {
  const { compat, incompat, roCompat } = features;
  const hex = (bits: number): string => `0x${(bits >>> 0).toString(16)}`;
  if ((incompat & ~READABLE) !== 0)
    return `couldn't mount because of unsupported optional features (${hex(incompat & ~READABLE)})`;
  if (!readOnly && (roCompat & ~WRITABLE_RO_COMPAT) !== 0)
    return `couldn't mount RDWR because of unsupported optional features (${hex(roCompat & ~WRITABLE_RO_COMPAT)})`;
  if (type !== "ext4" && ((incompat & EXT4_INCOMPAT) !== 0 || (!readOnly && (roCompat & ~OLD_RO_COMPAT) !== 0)))
    return `couldn't mount as ${type} due to feature incompatibilities`;
  if (type === "ext3" && (compat & COMPAT.hasJournal) === 0) return "has no journal: mount it as ext2";
  return null;
}
