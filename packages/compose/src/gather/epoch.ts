import type { ImageTarget } from "../treefile/treefile.ts";
import type { LockedImage } from "./lock.ts";

/**
 * The newest time in an image: the treefile's, else that of the signed index, which every host sees alike. Source:
 * reproducible-builds.org, SOURCE_DATE_EPOCH.
 */
export function archiveEpoch(target: ImageTarget, locked: LockedImage): number {
  return target.config["source-date-epoch"] ?? locked.dateSeconds;
}
