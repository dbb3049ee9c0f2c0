export {
  type MaintenanceAction,
  maintenanceCommands,
  maintenanceFacts,
  type MaintenanceRow,
  maintenanceRows,
} from "./maintenance.ts";
export { backToAction, endJobAction, jobState, systemActions } from "./system-actions.ts";
export type { AuditLine, FoundVolume, ImageEntry, JobEntry, SystemUsage } from "./system-shapes.ts";
export { SYSTEM_WORDS, type SystemWord } from "./words.ts";
