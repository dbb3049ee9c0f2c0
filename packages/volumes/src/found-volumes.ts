/** The volumes of this host, as they are listed for programs. */
import { dirname } from "node:path";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { findVolume } from "./find-volume.ts";
import { expectVolume } from "./open-volume.ts";
import { probeDevice, scanDevices, volumesOf, type ScannedVolume } from "./volume-scan.ts";

interface FoundVolume {
  readonly volume: ScannedVolume;
  readonly mountPoints: readonly string[];
}

/** @param folders  whose files are looked at, too */
export function foundVolumes(folders: readonly string[]): FoundVolume[] {
  const mounts = readMountTable().filter(({ type }) => type === AEGISFS_TYPE);
  return volumesOf(scanDevices(folders)).map((volume) => ({
    volume,
    mountPoints: mounts
      .filter(({ source }) => volume.devices.some(({ path }) => path === source))
      .map(({ mountPoint }) => mountPoint),
  }));
}

/**
 * Those that these words mean, in the order of `foundVolumes`.
 *
 * @throws OperationError for what is no volume
 */
export function namedVolumes(names: readonly string[], folders: readonly string[]): FoundVolume[] {
  const paths = new Set<string>();
  for (const name of names)
    for (const path of findVolume(name).paths) {
      if (probeDevice(path) === null) expectVolume(name, path);
      paths.add(path);
    }
  const around = [...folders, ...new Set([...paths].map((path) => dirname(path)))];
  return foundVolumes(around).filter(({ volume: { devices, copies } }) =>
    [...devices, ...copies].some(({ path }) => paths.has(path)),
  );
}

export function listedVolume({ volume, mountPoints }: FoundVolume): Record<string, unknown> {
  return {
    uuid: volume.uuid,
    label: volume.label,
    encrypted: volume.isEncrypted,
    mountPoints,
    devices: volume.devices.map(({ path, index, sizeBytes }) => ({ path, index, sizeBytes })),
    missing: volume.missing,
    copies: volume.copies.map(({ path }) => path),
  };
}
