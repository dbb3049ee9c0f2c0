/** /proc/sys: what is in it (sysctl.ts) pages load when somebody looks into it. */
import { PseudoDirectory, type PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import { addSettings } from "./sysctl.ts";

/** @param region  of the inodes below it (PseudoFileSystem.inRegion) */
export function sysctlDirectory(fileSystem: PseudoFileSystem, region: number): PseudoDirectory {
  return new PseudoDirectory(fileSystem).fillLater(region, addSettings);
}
