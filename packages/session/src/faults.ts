/** What `stratos explore` does to programs, for those who name it in words and options. */
export {
  type AppliedDisturbance,
  FAULT_KINDS,
  type FaultKind,
  type PowerCutKind,
  powerCutKind,
} from "@stratos/kernel/faults";
