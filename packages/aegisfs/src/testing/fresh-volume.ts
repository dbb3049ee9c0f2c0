import { MemoryBlockDevice } from "@stratos/host";
import { check, format, mount } from "../aegisfs.ts";
import type { FormatOptions, MountOptions, Volume } from "../aegisfs.ts";

/** A new volume of `mib` MiB in memory, mounted. */
export function freshVolume(
  mib: number,
  options: MountOptions = {},
  formatOptions: Partial<FormatOptions> = {},
): { device: MemoryBlockDevice; volume: Volume } {
  const device = new MemoryBlockDevice(mib * 2 ** 20);
  const failed = format(device, { uuid: new Uint8Array(16).fill(9), hashSeed: 77, ...formatOptions });
  if (failed !== 0) throw new Error(failed);
  return { device, volume: mountedVolume(mount(device, options)) };
}

export function mountedVolume(volume: Volume | string): Volume {
  if (typeof volume === "string") throw new Error(`mount: ${volume}`);
  return volume;
}

/** Commits and throws when the device does not hold a whole volume then. */
export function commitAndCheck(volume: Volume, device: MemoryBlockDevice): void {
  const failed = volume.commit();
  if (failed < 0) throw new Error(`commit: ${failed}`);
  const problems = check(device, { data: true });
  if (typeof problems === "string" || problems.length > 0)
    throw new Error(`check: ${JSON.stringify(problems).slice(0, 800)}`);
}
