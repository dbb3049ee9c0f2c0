import { bytesOfSize } from "@stratos/base/bytes-of-size";

/** The folder of the origin that a system has. */
const ROOT = "stratos";
/** Of what ran when the machine rested, two by turns. */
export const RUNNING_NAMES = ["running-0", "running-1"] as const;
/** A tab that was just closed lets go of its files a moment later. */
const TRIES = 50;
const TRY_MS = 100;
const MIB = 2 ** 20;

/** @throws what the browser says when it gives this page no files */
export async function originFolder(name: string): Promise<FileSystemDirectoryHandle> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  return root.getDirectoryHandle(name, { create: true });
}

/** Removes files of a system. @throws what the browser says when they stay in use */
export async function removeFiles(name: string, files: readonly string[]): Promise<void> {
  const folder = await originFolder(name);
  for (const file of files)
    await patiently(() =>
      folder.removeEntry(file).catch((error: unknown) => {
        if ((error as Error).name !== "NotFoundError") throw error;
      }),
    );
}

/** Does what needs a file for itself, once it is let go of. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if ((error as Error).name !== "NoModificationAllowedError" || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
  }
}

/** Where a system's page lies names its files: pages of one origin have files of their own. */
export function folderNameOf(place: URL): string {
  return encodeURIComponent(place.pathname).replaceAll("%", "-");
}

/** Does the browser give this page files that last? */
export async function hasFiles(): Promise<boolean> {
  try {
    await navigator.storage.getDirectory();
    return true;
  } catch {
    return false;
  }
}

/**
 * The machine's memory in bytes, by the query parameter `memory=SIZE`, as `run --memory` takes it; a number alone is
 * MiB. 512 MiB where it says nothing, or nonsense, or what a tab cannot have.
 */
export function wantedMemory(query: string): number {
  const size = new URLSearchParams(query).get("memory") ?? "512M";
  const bytes = bytesOfSize(/^[0-9]+$/.test(size) ? `${size}M` : size) ?? 0;
  return bytes >= 64 * MIB && bytes <= 2048 * MIB ? bytes : 512 * MIB;
}
