export {
  auditEntries,
  type AuditEntry,
  auditHeadText,
  auditKeeping,
  auditVerdict,
  enableAudit,
  keepAudit,
  parseKnownHead,
} from "./audit.ts";
export { checkVolume, type Loss, type Problem, repairVolume } from "./check-volume.ts";
export { defragmentFile, migrateFiles, shareContent } from "./content-layout.ts";
export { contentProperties, setContentProperties } from "./content-properties.ts";
export { type CopyCount, TreeCopier } from "./copy-tree.ts";
export type { ListedQuota, SnapshotEntry, SnapshotSchedule, VolumeSpace } from "./listed.ts";
export { listedFile, type ListedFile, longListing, markedName } from "./file-listing.ts";
export {
  baseName,
  type FileReader,
  type FileTree,
  type FileWriter,
  joinPath,
  toByteString,
  toText,
} from "./file-tree.ts";
export {
  addVolumeDevice,
  failureWords,
  forgetErrors,
  poolHealth,
  removeVolumeDevice,
  replaceVolumeDevice,
  setVolumeCopies,
} from "./device-pool.ts";
export { findVolume, mountOf } from "./find-volume.ts";
export { formatVolume, planFormat } from "./format-volume.ts";
export { foreignContent } from "./foreign-content.ts";
export { expandPattern, matches } from "./glob.ts";
export { HostTree } from "./host-tree.ts";
export { hostedVolumeAt, hostPath, hostVolume, keepDevice } from "./hosted-volume.ts";
export { commandInput } from "./input-socket.ts";
export { rememberVolume } from "./known-volumes.ts";
export { mirrorBack, recordTree, type TreeRecord } from "./mirror-tree.ts";
export { mountPlace } from "./mount-place.ts";
export { expectNotHeld, holdVolume } from "./mounted-hold.ts";
export {
  describeContent,
  filesOf,
  filtered,
  filteredFilesOf,
  openDevice,
  openDevices,
  type OpenedVolume,
  openVolume,
  prepareVolume,
  refusal,
  type VolumeAccess,
  withVolume,
} from "./open-volume.ts";
export { OpenVolumes } from "./open-volumes.ts";
export { ownerName, ownerNumber } from "./owner-names.ts";
export { promptPassphrase } from "./passphrase-prompt.ts";
export { assignProject, requireQuotas, setQuotaLimits, switchQuotas } from "./quotas.ts";
export { removeTree } from "./remove-tree.ts";
export { resizeVolume, type SizeChange } from "./resize-volume.ts";
export { cancelScrub, type ScrubCounts, scrubState, scrubVolume } from "./scrub-volume.ts";
export {
  isDue,
  keptSnapshots,
  planSchedule,
  readSchedule,
  runMountedSchedule,
  runSchedule,
  SCHEDULE_PERIODS,
  type ScheduleOutcome,
  writeSchedule,
} from "./snapshot-schedule.ts";
export {
  createSnapshot,
  deleteSnapshots,
  listChanges,
  type ListedChange,
  listSnapshots,
  reclaimAll,
  requireSnapshot,
  rollBack,
  snapshotSpaces,
} from "./snapshots.ts";
export {
  discardPartialTransfers,
  listPartialTransfers,
  parseResumeToken,
  sendSnapshot,
  SnapshotReceiver,
} from "./transfers.ts";
export { errnoWords, expectResult, expectValue, mountFailure } from "./volume-error.ts";
export {
  findVolumePlace,
  parseVolumePlace,
  requireUnmountedPlace,
  requireVolumePlace,
  type VolumePlace,
} from "./volume-place.ts";
export {
  addVolumeKey,
  changeVolumeKey,
  derivationOf,
  type DerivationName,
  listVolumeKeys,
  removeVolumeKey,
  resealVolume,
  rotateVolumeKey,
} from "./volume-keys.ts";
export { foundVolumes, listedVolume, namedVolumes } from "./found-volumes.ts";
export { probeDevice, type ScannedVolume } from "./volume-scan.ts";
export { VolumeTree } from "./volume-tree.ts";
export { uuidText } from "./uuid-text.ts";
export { volumeSpace, volumeStatistics } from "./volume-usage.ts";
export { listTiers } from "./tiers.ts";
