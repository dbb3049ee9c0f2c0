/** Mounting AegisFS volumes on Linux through FUSE. */
export { FuseMount, type FuseMountOptions } from "./fuse-mount.ts";
export {
  commandThroughFusermount,
  connectionOf,
  MountFailure,
  remount,
  unmount,
  type MountRequest,
} from "./mount-point.ts";
export { SCHEDULE_PROPERTY } from "./served-volume.ts";
export type { InsideVolume, MountedCall, MountedCommands, MountedContext, NamedVolume } from "./served-volume.ts";
