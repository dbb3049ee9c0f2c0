/**
 * Folders of the person's own computer, copied in and out. The browser asks which one, and whether it may be written
 * (File System Access, `showDirectoryPicker`); browsers without that give null.
 */
import type { FolderEntry, Request } from "./messages.ts";

export type Ask = <T>(request: Request) => Promise<T>;
type Picker = (options: { readonly mode: "read" | "readwrite" }) => Promise<FileSystemDirectoryHandle>;

/** Deeper than people's folders are, and less than a browser's stack. */
const DEPTH_MAX = 64;

export function folderPicker(): Picker | null {
  const host = window as unknown as { readonly showDirectoryPicker?: Picker };
  return host.showDirectoryPicker === undefined ? null : (options) => host.showDirectoryPicker!(options);
}

export async function writeFile(file: File, path: string, ask: Ask): Promise<void> {
  await ask({ kind: "write", path, bytes: new Uint8Array(await file.arrayBuffer()) });
}

/** @returns how many files. @throws Error with words for people */
export async function copyIn(
  from: FileSystemDirectoryHandle,
  folder: string,
  ask: Ask,
  depth = DEPTH_MAX,
): Promise<number> {
  if (depth === 0) throw new Error(`${folder} has too many folders in one another`);
  let count = 0;
  // TypeScript's DOM knows no iteration of handles by itself.
  for await (const handle of (from as unknown as { values(): AsyncIterable<FileSystemHandle> }).values()) {
    const path = `${folder}/${handle.name}`;
    if (handle.kind === "directory") count += await copyIn(handle as FileSystemDirectoryHandle, path, ask, depth - 1);
    else {
      await writeFile(await (handle as FileSystemFileHandle).getFile(), path, ask);
      count++;
    }
  }
  return count;
}

interface CopiedOut {
  files: number;
  /** Links, devices and the like, which the computer's folder is not given. */
  others: number;
}

/** Files that are there are replaced. @throws Error with words for people */
export async function copyOut(
  folder: string,
  to: FileSystemDirectoryHandle,
  ask: Ask,
  depth = DEPTH_MAX,
): Promise<CopiedOut> {
  if (depth === 0) throw new Error(`${folder} has too many folders in one another`);
  const copied: CopiedOut = { files: 0, others: 0 };
  for (const { name, kind } of await ask<FolderEntry[]>({ kind: "list", path: folder === "" ? "/" : folder })) {
    const path = `${folder}/${name}`;
    if (kind === "folder") {
      const below = await copyOut(path, await to.getDirectoryHandle(name, { create: true }), ask, depth - 1);
      copied.files += below.files;
      copied.others += below.others;
    } else if (kind === "file") {
      const bytes = await ask<Uint8Array<ArrayBuffer>>({ kind: "read", path });
      const stream = await (await to.getFileHandle(name, { create: true })).createWritable();
      // What was there stays until it is whole.
      await stream.write(bytes);
      await stream.close();
      copied.files++;
    } else copied.others++;
  }
  return copied;
}
