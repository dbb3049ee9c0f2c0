export { LIMIT_EXAMPLES, LIMIT_PATTERN, limitOf } from "./quota-limits.ts";
export { keptHours, PERIOD_HOURS, PERIOD_MAX, NO_SCHEDULE } from "./retention.ts";
export { inTree, type Snapshot } from "./snapshot-tree.ts";
export { removeFileAction, restoreAction, scheduleActions, scrubAction, snapshotActions } from "./volume-actions.ts";
export {
  type AuditPage,
  BLOCK_BYTES,
  inOrder,
  joinPath,
  parentPath,
  type SnapshotChange,
  type VolumeCaller,
  type VolumeFile,
  type VolumeHealth,
} from "./volume-shapes.ts";
export { VOLUME_WORDS, type VolumeWord } from "./words.ts";
