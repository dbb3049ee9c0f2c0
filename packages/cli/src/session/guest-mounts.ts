/** What is mounted where in a guest, beyond its root. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { EISDIR, ENOTDIR, ERRNO_NAMES, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME } from "@stratos/abi";
import { utf8ToByteString } from "@stratos/base";
import { NodeFileTree } from "@stratos/host-node";
import { HostFs, mountAt, mountFileAt } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { CommandError, hostReason } from "../command-error.ts";
import type { VolumeMapping } from "../option-values.ts";

/** Shows folders and files of the host (`-v`). */
export function mountHostFolders(machine: Machine, volumes: readonly VolumeMapping[]): void {
  for (const volume of volumes) {
    const mounted = mountOne(machine, volume);
    if (typeof mounted === "number") throw new CommandError(volume.guest, refusal(-mounted, volume));
  }
}

function mountOne(machine: Machine, { host, guest, isReadOnly }: VolumeMapping): object | number {
  const { kernel } = machine;
  const place = utf8ToByteString(guest);
  const options = {
    source: utf8ToByteString(resolve(host)),
    flags: MS_RELATIME | MS_NOSUID | MS_NODEV | (isReadOnly ? MS_RDONLY : 0),
  };
  try {
    const path = realpathSync(host);
    if (statSync(path).isDirectory())
      return mountAt(kernel, place, new HostFs(kernel, new NodeFileTree(path, { readOnly: isReadOnly })), options);
    const name = utf8ToByteString(basename(path));
    return mountFileAt(
      kernel,
      place,
      new HostFs(kernel, new NodeFileTree(dirname(path), { readOnly: isReadOnly, only: name })),
      name,
      options,
    );
  } catch (error) {
    throw new CommandError(host, hostReason(error), { cause: error });
  }
}

function refusal(errno: number, { host, guest }: VolumeMapping): string {
  if (errno === ENOTDIR || errno === EISDIR)
    return (
      `${host} cannot be shown there: a folder takes the place of a folder, a file that of a file, and ${guest} ` +
      "must not lead through a link"
    );
  return `cannot be mounted on: ${ERRNO_NAMES[errno] ?? String(errno)}`;
}
