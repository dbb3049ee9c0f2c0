/** File formats as pure functions over bytes: no files, no clock, no host. Input is always taken to be hostile. */
export * from "./elf.ts";
export { parseAr, writeAr, type ArMember, type ArError } from "./ar.ts";
export * from "./tar.ts";
export { xzUnpackedSize } from "./xz-size.ts";
export { archiveTree, type ArchiveOptions } from "./tree/tree-archive.ts";
export {
  FileKind,
  MemoryBlob,
  NO_FILE_XATTRS,
  checkFileTree,
  comparePaths,
  fileEntry,
  fileTreeOf,
  readBlob,
  type Blob,
  type FileEntry,
  type FileTree,
} from "./tree/file-tree.ts";
export { archiveEntries, DiskBlob, digestOf } from "./tree/archive-tree.ts";
export { FormatError } from "./format-error.ts";
export { sha256Of, type Codecs, type Digest } from "./codecs.ts";
export { civilTime, secondsOfCivil, type CivilTime } from "./calendar/civil-time.ts";
export { DiskWindow, MemoryDisk, TwinDisk, isZero, readBytes, viewOf, type Disk } from "./disk/disk.ts";
export {
  GPT_NAME_MAX,
  gptSpace,
  readGpt,
  writeGpt,
  SECTOR_SIZE,
  type SectorSize,
  type GptPartition,
  type GptTable,
} from "./gpt/gpt.ts";
export { uuidBytes, uuidFrom } from "./gpt/guid.ts";
export { PARTITION_TYPES, partitionTypeName, type PartitionTypeName } from "./gpt/partition-types.ts";
export { FatVolume, type FatEntry } from "./fat/fat-volume.ts";
export {
  canonicalJson,
  OCI_LAYOUT,
  OCI_MEDIA,
  ociImage,
  ociIndex,
  ociLayoutIndex,
  REF_NAME,
  rfc3339,
  type OciBlob,
  type OciDescriptor,
  type OciImage,
  type OciImageOptions,
  type OciLayer,
  type OciPlatform,
  type OciRuntime,
} from "./oci/oci-image.ts";
export { mergeLayers, packLayer, type LayerCompression } from "./oci/oci-layer.ts";
export type { Ext4Options } from "./ext4/ext4-nodes.ts";
export { ext4SizeFor } from "./ext4/ext4-size.ts";
export { writeExt4 } from "./ext4/ext4-writer.ts";
export { writeXfs, xfsSizeFor, type XfsOptions } from "./xfs/xfs-writer.ts";
export { Qcow2Image, copyToQcow2, type Qcow2CreateOptions } from "./qcow2/qcow2-image.ts";
export { type Qcow2Compression, type Qcow2Header } from "./qcow2/qcow2-header.ts";
export { Ext4Files } from "./ext4/ext4-files.ts";
export { FatFiles } from "./fat/fat-files.ts";
export {
  isDiskContainer,
  partDisk,
  probe,
  readLayout,
  type DiskLayout,
  type DiskPart,
  type FileSystemKind,
} from "./gpt/partitions.ts";
export { type DiskFile, type DiskFiles, type NewFile } from "./tree/disk-files.ts";
export { OstreeRepository, type CommitOptions, type CommitResult } from "./ostree/ostree-repository.ts";
export {
  applyPart,
  makeDelta,
  parseDelta,
  partPacking,
  type DeltaPartEntry,
  type MadeDelta,
  type StaticDelta,
} from "./ostree/static-delta.ts";
export { deltaPath, listDeltas, parseDeltaName, type DeltaName } from "./ostree/delta-places.ts";
export { OstreeReader, type OstreeCommit } from "./ostree/ostree-reader.ts";
export {
  OSTREE_MODES,
  type ObjectAttributes,
  type OstreeMode,
  type RepositoryStore,
  type StoredFile,
} from "./ostree/ostree-store.ts";
export { ownWordsOf, type OwnWords, type Reworded } from "./treefile-words.ts";
export { formatKeyPath, tomlLocator, type KeyPath, type Locate, type Position } from "./key-positions.ts";
export { cpioArchive } from "./cpio/cpio-writer.ts";
export { writeSquashfs, type SquashfsOptions } from "./squashfs/squashfs-writer.ts";
export { writeIso, type IsoOptions } from "./iso9660/iso-writer.ts";
export { writeErofs, erofsSizeFor, type ErofsOptions } from "./erofs/erofs-writer.ts";
export { writeBtrfs, btrfsSizeFor, type BtrfsOptions, type BtrfsVolume } from "./btrfs/btrfs-writer.ts";
export { addPeSections, readPeSections, type PeSection } from "./pe/pe-image.ts";
export { addSignatures, type OstreeSignature, type SignatureKind } from "./ostree/ostree-signatures.ts";
export { readErofs } from "./erofs/erofs-reader.ts";
export { TreeFiles } from "./tree/tree-files.ts";
export { readBtrfs } from "./btrfs/btrfs-reader.ts";
export { writeVmdk, type VmdkKind, type VmdkOptions } from "./vmdk/vmdk-writer.ts";
export { writeVhdx, type VhdxOptions } from "./vhdx/vhdx-writer.ts";
export { VHD_ALIGNMENT, writeVhd, type VhdOptions } from "./vhd/vhd-writer.ts";
export { writeOva, type OvaOptions } from "./ovf/ova.ts";
export { VERITY_BLOCK, veritySizeFor, writeVerity, type VerityOptions } from "./verity/verity.ts";
export { writeSwap } from "./swap/swap-area.ts";
export { writeHybridMbr, type MbrPartition } from "./gpt/hybrid-mbr.ts";
export { LUKS_DATA_OFFSET, LUKS_SECTOR, sealLuks, type DiskCipher, type LuksOptions } from "./luks/luks2.ts";
export { LVM_DATA_OFFSET, LVM_EXTENT, placeVolumes, writeVolumeGroup, type LogicalVolume } from "./lvm/lvm2.ts";
