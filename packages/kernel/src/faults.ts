/** What a machine's programs must survive, made to happen: other schedules, and faults of calls. */
export {
  type AppliedDisturbance,
  between,
  type Disturbance,
  type DisturbancePoint,
  type DisturbanceRates,
  type DisturbancePlan,
  DISTURBANCES_MAX,
  Disturber,
} from "./task/disturber.ts";
export { FAULT_KINDS, type FaultKind } from "./task/fault-kinds.ts";
