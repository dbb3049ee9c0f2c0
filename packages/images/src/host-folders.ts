/** What programs see of the host's files (`-v`). */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { utf8ToByteString } from "@stratos/base";
import { NodeFileTree } from "@stratos/host-node";
import type { HostFolder } from "@stratos/session";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

/** A folder or file of the host, and where programs see it: an absolute path. */
export interface SharedFolder {
  readonly host: string;
  readonly guest: string;
  readonly isReadOnly: boolean;
}

/** @throws OperationError when the host has no such folder or file */
export function hostFolders(volumes: readonly SharedFolder[]): HostFolder[] {
  return volumes.map(hostFolder);
}

function hostFolder({ host, guest, isReadOnly }: SharedFolder): HostFolder {
  const shown = { place: utf8ToByteString(guest), source: utf8ToByteString(resolve(host)), name: host };
  try {
    const path = realpathSync(host);
    if (statSync(path).isDirectory()) return { ...shown, tree: new NodeFileTree(path, { readOnly: isReadOnly }) };
    const file = utf8ToByteString(basename(path));
    return { ...shown, file, tree: new NodeFileTree(dirname(path), { readOnly: isReadOnly, only: file }) };
  } catch (error) {
    throw new OperationError("option", host, hostReason(error), { cause: error });
  }
}
