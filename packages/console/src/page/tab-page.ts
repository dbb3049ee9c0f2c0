/** For pages that show a machine which runs in their own worker. */
export { missingNeeds } from "./browser-needs.ts";
export { MachineWorker } from "./machine.ts";
export type { Keeping, Told, Usage, Where } from "./messages.ts";
export { keepWhenLeft } from "./page-leave.ts";
export { keptRelay } from "./kept-relay.ts";
export { TabLock } from "./tab-lock.ts";
export { folderNameOf, hasFiles, wantedMemory } from "./origin-folder.ts";
