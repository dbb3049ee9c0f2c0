/** What every command line needs of volumes, without the engine. */
export { beginCall, callContext } from "./call-context.ts";
export { VolumeInUseError } from "./volume-in-use-error.ts";
