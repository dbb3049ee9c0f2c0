/** `stratos fs device list`: the volumes of this host, found on its devices and in files. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { foundVolumes, listedVolume, namedVolumes, type ScannedVolume } from "@stratos/volumes";
import { CommandError, hostReason } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";

export interface DeviceListOptions {
  readonly dir: readonly string[];
  readonly json?: true;
}

/** @param names  of the volumes to show; none: all that are found */
export async function listDevicesCommand(names: readonly string[], options: DeviceListOptions): Promise<number> {
  for (const folder of options.dir) expectFolder(folder);
  const folders = options.dir.map((folder) => resolve(folder));
  const volumes = names.length === 0 ? foundVolumes(folders) : namedVolumes(names, folders);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(volumes.map(listedVolume), null, 2)}\n`);
    return 0;
  }
  process.stdout.write(
    formatTable(
      ["VOLUME", "LABEL", "SIZE", "DEVICES", "STATE"],
      volumes.map(({ volume, mountPoints }) => [
        volume.uuid ?? "-",
        volume.label === "" ? "-" : volume.label,
        formatSize(volume.devices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
        volume.devices.map(({ path }) => path).join(","),
        stateWords(volume, mountPoints),
      ]),
    ),
  );
  return 0;
}

function expectFolder(folder: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    throw new CommandError(folder, hostReason(error), { cause: error });
  }
  throw new CommandError(folder, "is no folder");
}

function stateWords({ isEncrypted, missing, copies }: ScannedVolume, mountPoints: readonly string[]): string {
  const words = [
    ...mountPoints.map((place) => `mounted on ${place}`),
    ...(isEncrypted ? ["encrypted"] : []),
    ...(missing.length === 0 ? [] : [`device ${missing.join(", ")} missing`]),
    ...copies.map(({ path }) => `${path} is a copy`),
  ];
  return words.length === 0 ? "-" : words.join("; ");
}
