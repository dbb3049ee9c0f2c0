/** Profiles of hubs and workers: taken, kept, and read. */
export { parseCpuProfile, type CpuProfile } from "./cpu-profile.ts";
export {
  compareTimes,
  hottest,
  profileTimes,
  type ComparedFunction,
  type HotFunction,
  type HotOrder,
  type ProfileTimes,
} from "./hot-functions.ts";
export { PROFILE_ID } from "./profile-folder.ts";
export { PROFILE_DEFAULTS, PROFILE_FOLDER, PROFILE_SECONDS_MAX, Profiler, type ProfilerSettings } from "./profiler.ts";
