/** What is mounted where in a guest, beyond its root. */
import { resolve } from "node:path";
import { ERRNO_NAMES, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME } from "@stratos/abi";
import { utf8ToByteString } from "@stratos/base";
import { NodeFileTree } from "@stratos/host-node";
import { HostFs, mountAt, type FileSystem } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { CommandError, hostReason } from "../command-error.ts";
import type { VolumeMapping } from "../option-values.ts";

/** Shows folders of the host (`-v`). */
export function mountHostFolders(machine: Machine, volumes: readonly VolumeMapping[]): void {
  for (const { host, guest, isReadOnly } of volumes) {
    let tree;
    try {
      tree = new NodeFileTree(resolve(host), { readOnly: isReadOnly });
    } catch (error) {
      throw new CommandError(host, hostReason(error), { cause: error });
    }
    const fileSystem = new HostFs(machine.kernel, tree);
    mount(machine, utf8ToByteString(guest), fileSystem, { source: utf8ToByteString(resolve(host)), flags: MS_RELATIME | MS_NOSUID | MS_NODEV | (isReadOnly ? MS_RDONLY : 0) });
  }
}

export function mount(machine: Machine, place: string, fileSystem: FileSystem, options: { source?: string; flags?: number } = {}): void {
  const mounted = mountAt(machine.kernel, place, fileSystem, options);
  if (typeof mounted === "number") throw new CommandError(place, `cannot be mounted on: ${ERRNO_NAMES[-mounted] ?? String(-mounted)}`);
}
