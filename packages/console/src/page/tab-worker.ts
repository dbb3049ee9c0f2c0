/** For workers that are a machine of a tab. */
export type { Keeping, Told, Where } from "./messages.ts";
export { openSystem, type SystemParts } from "./open-system.ts";
export { serveTab, TabMachine } from "./tab-machine.ts";
