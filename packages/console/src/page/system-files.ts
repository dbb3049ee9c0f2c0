/**
 * The files of the origin that one system has, in a folder of their own below `stratos`:
 *
 *     base.json       PackHead: the image that the changes are over, whatever the server has by now
 *     changes         an AegisFS volume: what programs wrote
 *     running-0, -1   what ran when the machine rested (RunningFiles)
 *     pieces, rows    pieces of the image that were fetched (PieceStore)
 *     copy-*          changes of a tab that only looks, removed when it has them open
 */
import {
  checkDescription,
  checkIndex,
  type PackHead,
  PieceStore,
  RunningFiles,
  type SyncAccessHandle,
  writeAll,
} from "@stratos/host-browser";
import { originFolder, patiently, RUNNING_NAMES } from "./origin-folder.ts";

const COPY_BYTES = 2 ** 20;

export class SystemFiles {
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  /** Null: the browser gives this page no files. */
  static async open(name: string): Promise<SystemFiles | null> {
    try {
      return new SystemFiles(await originFolder(name));
    } catch {
      return null;
    }
  }

  async readHead(): Promise<PackHead | null> {
    try {
      const file = await (await this.#folder.getFileHandle("base.json")).getFile();
      const { description, index } = JSON.parse(await file.text()) as Record<keyof PackHead, unknown>;
      return {
        description: checkDescription(description, "base.json"),
        index: checkIndex(index, "base.json"),
      };
    } catch {
      return null;
    }
  }

  async writeHead(head: PackHead): Promise<void> {
    const handle = await this.handle("base.json");
    try {
      const bytes = new TextEncoder().encode(JSON.stringify(head));
      handle.truncate(0);
      writeAll(handle, bytes, 0);
      handle.flush();
    } finally {
      handle.close();
    }
  }

  /** @throws Error when another tab keeps it open */
  async handle(name: string): Promise<SyncAccessHandle> {
    const file = (await this.#folder.getFileHandle(name, { create: true })) as unknown as {
      createSyncAccessHandle(): Promise<SyncAccessHandle>;
    };
    return patiently(() => file.createSyncAccessHandle());
  }

  async running(): Promise<RunningFiles> {
    return new RunningFiles([await this.handle(RUNNING_NAMES[0]), await this.handle(RUNNING_NAMES[1])]);
  }

  async pieces(): Promise<PieceStore> {
    return new PieceStore(await this.handle("pieces"), await this.handle("rows"));
  }

  /** Those that no tab has open any more. */
  async removeCopies(): Promise<void> {
    const names: string[] = [];
    // TypeScript's own list of what such a folder has is older.
    for await (const name of (this.#folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
    for (const name of names) if (name.startsWith("copy-")) await this.#folder.removeEntry(name).catch(() => {});
  }

  /** @param read  gives the bytes at a place, as a device does. @throws Error when there is no room */
  async copy(
    name: string,
    bytes: number,
    read: (at: number, into: Uint8Array, length: number) => number,
  ): Promise<void> {
    const handle = await this.handle(name);
    const buffer = new Uint8Array(COPY_BYTES);
    try {
      for (let at = 0; at < bytes; at += COPY_BYTES) {
        const length = Math.min(COPY_BYTES, bytes - at);
        if (read(at, buffer, length) < 0) throw new Error("the files cannot be read");
        for (let done = 0; done < length;) {
          const count = handle.write(buffer.subarray(done, length), { at: at + done });
          if (count <= 0) throw new Error("there is no room for a copy");
          done += count;
        }
      }
    } finally {
      handle.close();
    }
  }
}
