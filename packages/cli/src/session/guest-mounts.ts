/** What `-v` shows of the host's files in a guest. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { utf8ToByteString } from "@stratos/base";
import { NodeFileTree } from "@stratos/host-node";
import type { HostFolder } from "@stratos/session";
import { CommandError, hostReason } from "../command-error.ts";
import type { VolumeMapping } from "../option-values.ts";

/** @throws CommandError when the host has no such folder or file */
export function hostFolders(volumes: readonly VolumeMapping[]): HostFolder[] {
  return volumes.map(hostFolder);
}

function hostFolder({ host, guest, isReadOnly }: VolumeMapping): HostFolder {
  const shown = { place: utf8ToByteString(guest), source: utf8ToByteString(resolve(host)), name: host };
  try {
    const path = realpathSync(host);
    if (statSync(path).isDirectory()) return { ...shown, tree: new NodeFileTree(path, { readOnly: isReadOnly }) };
    const file = utf8ToByteString(basename(path));
    return { ...shown, file, tree: new NodeFileTree(dirname(path), { readOnly: isReadOnly, only: file }) };
  } catch (error) {
    throw new CommandError(host, hostReason(error), { cause: error });
  }
}
