/**
 * AegisFS: a copy-on-write file system with checksums, snapshots and clones. FORMAT.md is what is on the disk,
 * ARCHITECTURE.md how this engine works.
 *
 *   format(device, …)          makes a volume
 *   mount(device, …)           opens it
 *   mountOverlay(base, delta)  opens a clone of it whose changes go elsewhere, in constant time
 *   check(device, …)           proves every checksum and invariant
 *
 * A `Volume` is the transaction and the snapshots; its `root` is the `Subvolume` whose files are served.
 */
export { DEVICE_BLOCKS_MIN, format, mount, mountOverlay, readSuperblock, unreadDevices } from "./mount/mount.ts";
export type { FormatOptions } from "./mount/mount.ts";
export { LaterVolume } from "./mount/later-volume.ts";
export { Volume } from "./volume/volume.ts";
export { CACHE_BYTES_DEFAULT, CACHE_BYTES_MIN, GUEST_LIMITS } from "./volume/mount-options.ts";
export type { MountOptions, SubvolumeInfo, VolumeUsage } from "./volume/mount-options.ts";
export { QUOTA_GROUP, QUOTA_PROJECT, QUOTA_USER } from "./quota/quotas.ts";
export type { QuotaKind, QuotaLimits, QuotaReport } from "./quota/quotas.ts";
export type { RangeCopy } from "./file/clone.ts";
export { Files } from "./library/files.ts";
export type { FilesOptions } from "./library/files.ts";
export type { Credentials } from "./file/permission.ts";
export { Subvolume } from "./volume/subvolume.ts";
export { FEATURE_COMPRESSION, Superblock, SUPERBLOCK_SLOTS } from "./format/superblock.ts";
export {
  Attributes,
  ATTRIBUTE_ATIME,
  ATTRIBUTE_BTIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_FLAGS,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_PROJECT,
  ATTRIBUTE_SIZE,
  ATTRIBUTE_UID,
  blocksWhenStored,
} from "./file/attributes.ts";
export { addOffsets, blockOf, blocksOf, offsetBetween, offsetOf } from "./file/file-offset.ts";
export type { FileOffset } from "./file/file-offset.ts";
export { indexInListing, type Listing } from "./cache/listings.ts";
export { DirectoryEntry } from "./file/directory.ts";
export { Failure, FAILURE_WORDS, MOUNT_ERROR_WORDS } from "./failure.ts";
export type { MountError } from "./failure.ts";
export { ROOT_INO } from "./format/inode-item.ts";
export { BLOCK_SIZE, FILE_SIZE_MAX } from "./format/geometry.ts";
export { check } from "./check/check.ts";
export type { CheckOptions } from "./check/check.ts";
export type { Problem } from "./check/problem.ts";
export {
  COMPRESS_LZ4,
  COMPRESS_NONE,
  COMPRESS_UNSET,
  COMPRESS_ZSTD,
  compressionOf,
  DEDUPE_OFF,
  DEDUPE_ON,
  DEDUPE_UNSET,
  dedupeOf,
  levelOf,
  propertiesOr,
  TIER_ANY,
  TIER_FAST,
  TIER_SLOW,
  TIER_UNSET,
  tierOf,
  withCompression,
  withDedupe,
  withTier,
} from "./format/properties.ts";
export { lz4 } from "./codec/lz4.ts";
export { measureDropped, measureSubvolume } from "./snapshot/tree-usage.ts";
export type { TreeUsage } from "./snapshot/tree-usage.ts";
export { Operation, OPERATION_NAMES } from "./file/operation.ts";
export type { VolumeObserver } from "./file/operation.ts";
export { fileChanges } from "./snapshot/file-changes.ts";
export type { FileChange } from "./snapshot/file-changes.ts";
export { SUBVOLUME_READ_ONLY } from "./format/subvolume-item.ts";
export { CLASS_FAST, CLASS_SLOW } from "./format/pool-table.ts";
export { addDevice, moveToSpare, removeDevice, replaceDevice, setCopies, spareFor } from "./device/pool.ts";
export type { AddOptions } from "./device/pool.ts";
export type { CopyJob } from "./device/copy-job.ts";
export { resizeDevice } from "./device/resize.ts";
export type { ResizeOptions } from "./device/resize.ts";
export { health, resetErrors } from "./device/health.ts";
export type { DeviceHealth, DeviceState, VolumeHealth, VolumeState } from "./device/health.ts";
export { Scrub } from "./scrub/scrub.ts";
export type { Damage, ScrubCursor } from "./scrub/scrub.ts";
export { addPassphrase, changePassphrase, removeSlot } from "./encryption/keys-of-devices.ts";
export { ARGON2ID, EncryptedDevice, isEncrypted, keySlots, SCRYPT } from "./encryption/keys.ts";
export { KEY_ERROR_WORDS, type KeyError } from "./encryption/key-error.ts";
export type { Reseal } from "./encryption/reseal.ts";
export type { KeyOptions } from "./encryption/keys.ts";
export { SUBVOLUME_INCOMPLETE, SUBVOLUME_TRANSACTION } from "./format/subvolume-item.ts";
export { identityOf, SendStream } from "./send/send.ts";
export type { SendOptions } from "./send/send.ts";
export { discardTransfer, findReceived, partialTransfers, ReceiveStream } from "./send/receive.ts";
export type { PartialTransfer, ReceiveOptions } from "./send/receive.ts";
export type { SnapshotIdentity } from "./send/stream-record.ts";
export { Transaction } from "./transaction/transaction.ts";
export type { IsolationLevel, TransactionOptions } from "./transaction/transaction.ts";
export type { LockMode } from "./transaction/lock-table.ts";
export {
  checksumBlocks,
  LANE_BLOCKS,
  LANE_BLOCKS_MAX,
  offerChecksumLanes,
  useChecksumLanes,
} from "./format/checksum.ts";
export type { ChecksumLanes, StagedChecksumLanes } from "./format/checksum.ts";
export { exitOf, repair } from "./check/repair.ts";
export type { Loss } from "./check/losses.ts";
export type { RepairResult } from "./check/repair.ts";
export { auditHead, AuditLog, verifyAudit } from "./audit/audit-log.ts";
export type { AuditHead, AuditProblem, AuditReport } from "./audit/audit-log.ts";
export { auditRecords, readAuditBlock } from "./audit/audit-block.ts";
export type { AuditBlock, AuditRecord } from "./audit/audit-block.ts";
export { auditRetention } from "./audit/audit-retention.ts";
export type { AuditRetention } from "./audit/audit-retention.ts";
export { dedupe } from "./dedupe/dedupe.ts";
export type { DedupeOptions, DedupeResult } from "./dedupe/dedupe.ts";
export { migrate, tierStatus } from "./tier/tier.ts";
export type { FileTier, MigrateOptions, MigrateResult, TierStatus } from "./tier/tier.ts";
export type { FileExtent } from "./file/extent-list.ts";
export type { Fragmentation } from "./file/defragment.ts";
export { filterFiles } from "./filter/filter.ts";
export type { FileFilter, FileOperation, FilterFactory } from "./filter/filter.ts";
export { LOCK_EXCLUSIVE, LOCK_NONE, LOCK_SHARED } from "@stratos/base";
export { FileLocks } from "./lock/file-locks.ts";
export type { FileRangeLock, LockOwner, LockRequest } from "./lock/file-locks.ts";
