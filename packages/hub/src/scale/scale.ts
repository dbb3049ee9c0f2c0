/** Workers by the length of the queue: `@stratos/hub/scale`. */
export { HostRoom } from "./host-room.ts";
export { CommandMachines, ProcessMachines } from "./machines.ts";
export { Scaler, type Machines, type Queue, type ScaleSettings } from "./scaler.ts";
