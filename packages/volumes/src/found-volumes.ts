/** The volumes of this host, as they are listed for programs. */
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { scanDevices, volumesOf, type ScannedVolume } from "./volume-scan.ts";

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
