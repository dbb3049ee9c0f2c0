/**
 * A block device on a file of the origin private file system. A worker gets the handle, which keeps the file to itself:
 *
 *   const root = await navigator.storage.getDirectory();
 *   const file = await root.getFileHandle("volume", { create: true });
 *   const device = new OpfsBlockDevice(await file.createSyncAccessHandle());
 *
 * What `flush` promises is what the browser's does (fs.spec.whatwg.org, FileSystemSyncAccessHandle).
 */
import { EIO, ENOSPC } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";

/** What is used of FileSystemSyncAccessHandle. */
export interface SyncAccessHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  flush(): void;
  getSize(): number;
  truncate(size: number): void;
  close(): void;
}

const BLOCK = 4096;

/** @throws what the handle throws; Error when it takes nothing */
export function writeAll(handle: SyncAccessHandle, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    const count = handle.write(bytes.subarray(done), { at: at + done });
    if (count <= 0) throw new Error("nothing was written");
    done += count;
  }
}

/** @returns false: the file has fewer bytes there. @throws what the handle throws */
export function readAll(handle: SyncAccessHandle, bytes: Uint8Array, at: number): boolean {
  for (let done = 0; done < bytes.length;) {
    const count = handle.read(bytes.subarray(done), { at: at + done });
    if (count <= 0) return false;
    done += count;
  }
  return true;
}

export class OpfsBlockDevice implements BlockDevice {
  readonly readOnly: boolean;
  readonly #handle: SyncAccessHandle;
  #size: number;

  constructor(handle: SyncAccessHandle, options: { readonly readOnly?: boolean } = {}) {
    this.#handle = handle;
    this.readOnly = options.readOnly === true;
    this.#size = Math.floor(handle.getSize() / BLOCK) * BLOCK;
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    try {
      return readAll(this.#handle, bytes.subarray(at, at + length), offset) ? 0 : -EIO;
    } catch {
      return -EIO;
    }
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.readOnly) return -EIO;
    try {
      writeAll(this.#handle, bytes.subarray(at, at + length), offset);
      return 0;
    } catch (error) {
      return isQuota(error) ? -ENOSPC : -EIO;
    }
  }

  flush(): number {
    if (this.readOnly) return 0;
    try {
      this.#handle.flush();
      return 0;
    } catch {
      return -EIO;
    }
  }

  resize(size: number): number {
    if (this.readOnly) return -EIO;
    try {
      const before = this.#handle.getSize();
      this.#handle.truncate(size);
      // Chromium makes a file as long as it may be, and says nothing.
      if (this.#handle.getSize() !== size) {
        this.#handle.truncate(before);
        return -ENOSPC;
      }
      this.#size = size;
      return 0;
    } catch (error) {
      return isQuota(error) ? -ENOSPC : -EIO;
    }
  }

  /** Browsers have no holes in files. */
  discard(): void {}

  close(): void {
    this.#handle.close();
  }
}

/** The origin has used up what the browser gives it. */
function isQuota(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "QuotaExceededError";
}
