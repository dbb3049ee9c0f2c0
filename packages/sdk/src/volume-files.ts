/** Files of a volume that no machine has mounted. */
import { EFBIG } from "@stratos/abi";
import { Attributes, type Files } from "@stratos/aegisfs";
import type { FileKind, FileStatus } from "./api.ts";
import { FILE_BYTES_MAX, type FileAttributes, type FileOperations, kindOf, timeOf } from "./file-operations.ts";

export class VolumeFiles implements FileOperations {
  readonly #files: Files;
  readonly #attributes = new Attributes();

  constructor(files: Files) {
    this.#files = files;
  }

  read(path: string): Uint8Array | number {
    const status = this.status(path);
    if (typeof status === "number") return status;
    return status.sizeBytes > FILE_BYTES_MAX ? -EFBIG : this.#files.contentOf(path);
  }

  write(path: string, bytes: Uint8Array, mode: number): number {
    return Math.min(0, this.#files.writeFile(path, bytes, mode));
  }

  list(path: string): { name: string; kind: FileKind }[] | number {
    const names = this.#files.readdir(path);
    if (typeof names === "number") return names;
    const folder = path === "/" ? "" : path;
    return names.map((name) => {
      const status = this.linkStatus(`${folder}/${name}`);
      return { name, kind: typeof status === "number" ? "file" : status.kind };
    });
  }

  status(path: string): FileStatus | number {
    return this.#describe(this.#files.stat(path, this.#attributes));
  }

  linkStatus(path: string): FileStatus | number {
    return this.#describe(this.#files.lstat(path, this.#attributes));
  }

  #describe(failed: number): FileStatus | number {
    if (failed < 0) return failed;
    const { mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds } = this.#attributes;
    return {
      kind: kindOf(mode),
      sizeBytes: Number(size),
      mode: mode & 0o7777,
      uid,
      gid,
      modifiedMs: mtimeSeconds * 1000 + mtimeNanoseconds / 1e6,
    };
  }

  makeFolder(path: string, mode: number): number {
    return this.#files.mkdir(path, mode);
  }

  rename(from: string, to: string): number {
    return this.#files.rename(from, to);
  }

  removeFile(path: string): number {
    return this.#files.unlink(path);
  }

  removeFolder(path: string): number {
    return this.#files.rmdir(path);
  }

  readLink(path: string): string | number {
    return this.#files.readlink(path);
  }

  makeLink(target: string, path: string): number {
    return this.#files.symlink(target, path);
  }

  addName(path: string, name: string): number {
    return this.#files.link(path, name);
  }

  setAttributes(path: string, { mode, uid, gid, modifiedMs }: FileAttributes): number {
    const files = this.#files;
    const status = this.linkStatus(path);
    if (typeof status === "number") return status;
    const [seconds, nanoseconds] = timeOf(modifiedMs);
    const times = {
      atimeSeconds: seconds,
      atimeNanoseconds: nanoseconds,
      mtimeSeconds: seconds,
      mtimeNanoseconds: nanoseconds,
    };
    // The owner first: giving a file away takes its set-ID bits.
    const failed = files.lchown(path, uid, gid);
    if (failed < 0) return failed;
    const refused = status.kind === "link" ? 0 : files.chmod(path, mode);
    return refused < 0 ? refused : files.setTimes(path, times, false);
  }
}
