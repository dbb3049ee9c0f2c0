/** What a machine's programs must survive, made to happen: other schedules, and faults of calls. */
export {
  type AppliedDisturbance,
  type Disturbance,
  type DisturbancePoint,
  type DisturbanceRates,
  type DisturbancePlan,
  DISTURBANCES_MAX,
  Disturber,
} from "./task/disturber.ts";
export { amountOf, between, FAULT_KINDS, type FaultKind } from "./task/fault-kinds.ts";
export { cutPower, POWER_CUT_KINDS, type PowerCutKind, powerCutKind, UnsyncedFiles } from "./task/unsynced-files.ts";
