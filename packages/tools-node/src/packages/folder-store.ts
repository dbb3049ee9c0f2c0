/**
 * A folder of downloaded files. A file under way is `NAME.part.PID`: it becomes `NAME` by one rename, and who finds the
 * part of a process that is gone takes it over by another. So two processes never write to one file.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FileStore, PartialFile, RandomFile } from "@stratos/pkg";
import { isRunning, failedAt, readFully, readIfThere } from "@stratos/host-node/files";

export class FolderStore implements FileStore {
  readonly #folder: string;
  #serial = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return readIfThere(join(this.#folder, path));
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
    const temporary = `${target}.new.${process.pid}.${this.#serial++}`;
    try {
      await writeFile(temporary, bytes, { flush: true });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw failedAt(target, error);
    }
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.#folder, path), { force: true });
  }

  /** What is opened here stays open as long as somebody may read it: until the process ends, if nobody closes it. */
  random(path: string): RandomFile | undefined {
    try {
      return new OpenedFile(openSync(join(this.#folder, path), "r"));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async partial(path: string): Promise<PartialFile> {
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
    const own = `${target}.part.${process.pid}`;
    await adoptPart(target, own);
    const handle = await open(own, "a+");
    return new FolderPart(handle, (await handle.stat()).size, { own, target });
  }
}

class OpenedFile implements RandomFile {
  readonly sizeBytes: number;
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.sizeBytes = fstatSync(descriptor).size;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readFully(this.#descriptor, bytes, offset));
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

class FolderPart implements PartialFile {
  readonly #handle: FileHandle;
  readonly #paths: { own: string; target: string };
  #size: number;

  constructor(handle: FileHandle, size: number, paths: { own: string; target: string }) {
    this.#handle = handle;
    this.#size = size;
    this.#paths = paths;
  }

  get sizeBytes(): number {
    return this.#size;
  }

  async read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.#size);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.#handle.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) throw new Error(`${this.#paths.own}: became shorter while it was read`);
      at += bytesRead;
    }
    return bytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += (await this.#handle.write(bytes, at, bytes.length - at)).bytesWritten;
    } catch (error) {
      throw failedAt(this.#paths.target, error);
    }
    this.#size += bytes.length;
  }

  async clear(): Promise<void> {
    await this.#handle.truncate(0);
    this.#size = 0;
  }

  async commit(): Promise<void> {
    await this.#handle.close();
    await rename(this.#paths.own, this.#paths.target);
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#size === 0) await rm(this.#paths.own, { force: true });
  }
}

/** Takes over what a process that has ended left of `target`. */
async function adoptPart(target: string, own: string): Promise<void> {
  const prefix = `${basename(target)}.part.`;
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length));
    if (pid === process.pid) return;
    if (!Number.isInteger(pid) || isRunning(pid)) continue;
    try {
      await rename(join(dirname(target), name), own);
      return;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
