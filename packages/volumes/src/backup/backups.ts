export { openBackupStore, type BackupStore } from "./backup-store.ts";
export { withBackupVolume } from "./backup-volume.ts";
export {
  type BackupEntry,
  type BackupProgress,
  keptEntries,
  makeBackup,
  requireManifest,
  restoreBackup,
  verifyBackup,
} from "./backup.ts";
