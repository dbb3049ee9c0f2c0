/** Workers by the length of the queue: `@stratos/hub/scale`. */
export { HostRoom } from "./host-room.ts";
export { findApiPlace } from "./kubernetes/api-place.ts";
export { JobClient, KubernetesProblem } from "./kubernetes/job-client.ts";
export { KubernetesMachines } from "./kubernetes/kubernetes-machines.ts";
export { isPoolName, plainTemplate, templateFault, workerJob } from "./kubernetes/worker-job.ts";
export { CommandMachines, ProcessMachines } from "./machines.ts";
export { Scaler, type Machines, type Queue, type ScaleSettings } from "./scaler.ts";
