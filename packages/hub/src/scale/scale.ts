/** Workers by the length of the queue: `@stratos/hub/scale`. */
export { CommandMachines, ProcessMachines } from "./machines.ts";
export { Scaler, type Machines, type Queue, type ScaleSettings } from "./scaler.ts";
