import { EISDIR, ENOTDIR, ERRNO_NAMES, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME } from "@stratos/abi";
import { byteStringToUtf8 } from "@stratos/base";
import type { HostFileTree } from "@stratos/host";
import { HostFs, mountAt, mountFileAt } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { SessionError } from "./session-error.ts";

/** A folder of the host, or one file of it, that programs see at a place of theirs. Strings are byte strings. */
export interface HostFolder {
  /** Absolute path in the guest. */
  readonly place: string;
  readonly tree: HostFileTree;
  /** The one file of the folder that is shown; absent: the folder itself. */
  readonly file?: string;
  /** What /proc/mounts says that it is. */
  readonly source: string;
  /** What the host's people call it, for messages. */
  readonly name: string;
}

/** @throws SessionError when one cannot be mounted on its place */
export function mountHostFolders(machine: Machine, folders: readonly HostFolder[]): void {
  const { kernel } = machine;
  for (const folder of folders) {
    const { place, tree, file, source } = folder;
    const options = { source, flags: MS_RELATIME | MS_NOSUID | MS_NODEV | (tree.readOnly ? MS_RDONLY : 0) };
    const fileSystem = new HostFs(kernel, tree);
    const mounted =
      file === undefined
        ? mountAt(kernel, place, fileSystem, options)
        : mountFileAt(kernel, place, fileSystem, file, options);
    if (typeof mounted === "number")
      throw new SessionError("place", byteStringToUtf8(place), refusal(-mounted, folder), -mounted);
  }
}

function refusal(errno: number, { name, place }: HostFolder): string {
  if (errno !== ENOTDIR && errno !== EISDIR) return `cannot be mounted on: ${ERRNO_NAMES[errno] ?? String(errno)}`;
  return (
    `${name} cannot be shown there: a folder takes the place of a folder, a file that of a file, and ` +
    `${byteStringToUtf8(place)} must not lead through a link`
  );
}
