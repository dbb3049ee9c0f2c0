/** AegisFS on a partition as {@link DiskFiles}. Whole volumes are the business of `stratos fs`, which can do more. */
import { getSystemErrorMessage } from "node:util";
import { EINVAL, EIO, ENOENT, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes, ATTRIBUTE_MTIME, DirectoryEntry, mount, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import { FormatError, type Blob, type Disk, type DiskFile, type DiskFiles, type NewFile } from "@stratos/formats";
import type { BlockDevice } from "@stratos/host";
import { exactSize } from "../exact-size.ts";

const KINDS: Readonly<Record<number, DiskFile["kind"]>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
  [S_IFIFO]: "fifo",
};
const COPY_BYTES = 1 << 20;
const LINKS_MAX = 40;

/** @throws FormatError */
export function openAegisFiles(disk: Disk, readOnly: boolean): DiskFiles {
  const seconds = Math.floor(Date.now() / 1000);
  const volume = mount(new DiskDevice(disk, readOnly), { readOnly, seconds });
  if (typeof volume === "string") throw new FormatError(`the AegisFS volume cannot be opened (${volume})`);
  volume.setTime(seconds, 0);
  return new AegisFiles(volume.root);
}

export class AegisFiles implements DiskFiles {
  readonly type = "aegisfs";
  readonly label = "";
  readonly files: Subvolume;
  readonly #attributes = new Attributes();

  constructor(files: Subvolume) {
    this.files = files;
  }

  list(path: string): DiskFile[] {
    const folder = this.#walk(path, true);
    const entry = new DirectoryEntry();
    const found: DiskFile[] = [];
    for (let cursor = 0; ; cursor = entry.nextCursor) {
      if (check(path, this.files.readDirectory(folder, cursor, entry)) === 0) break;
      if (entry.name !== "." && entry.name !== "..") found.push(this.#describe(entry.name, entry.ino));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(path: string): DiskFile | undefined {
    const ino = this.#find(path, false);
    return ino === -ENOENT ? undefined : this.#describe(namesOf(path).at(-1) ?? "", check(path, ino));
  }

  content(path: string): Pick<Blob, "sizeBytes" | "read"> {
    const ino = this.#walk(path, true);
    check(path, this.files.stat(ino, this.#attributes));
    if ((this.#attributes.mode & S_IFMT) !== S_IFREG) throw new FormatError(`${path}: is no file`);
    return {
      sizeBytes: exactSize(path, this.#attributes.size),
      read: (offset, into) => check(path, this.files.read(ino, offset, into, 0, into.length)),
    };
  }

  write(path: string, content: Pick<Blob, "sizeBytes" | "read">, file: NewFile): void {
    const found = this.#find(path, true);
    let ino = found;
    if (found === -ENOENT) {
      const { folder, name } = this.#place(path);
      ino = check(path, this.files.create(folder, name, S_IFREG | file.mode, file.uid, file.gid));
    }
    check(path, ino);
    check(path, this.files.truncate(ino, 0));
    const buffer = new Uint8Array(COPY_BYTES);
    for (let offset = 0; offset < content.sizeBytes;) {
      const count = content.read(offset, buffer);
      for (let done = 0; done < count;)
        done += check(path, this.files.write(ino, offset + done, buffer, done, count - done));
      offset += count;
    }
    this.#attributes.mtimeSeconds = Math.floor(file.mtime);
    this.#attributes.mtimeNanoseconds = 0;
    check(path, this.files.setAttributes(ino, this.#attributes, ATTRIBUTE_MTIME));
  }

  makeDirectory(path: string, file: NewFile): void {
    const { folder, name } = this.#place(path);
    check(path, this.files.create(folder, name, S_IFDIR | file.mode, file.uid, file.gid));
  }

  remove(path: string): void {
    const { folder, name } = this.#place(path);
    const isFolder = this.find(path)?.kind === "directory";
    check(path, isFolder ? this.files.rmdir(folder, name) : this.files.unlink(folder, name));
  }

  flush(): void {
    check("/", this.files.volume.sync());
  }

  #describe(name: string, ino: number): DiskFile {
    check(name, this.files.stat(ino, this.#attributes));
    const { mode, uid, gid, size, mtimeSeconds } = this.#attributes;
    const kind = KINDS[mode & S_IFMT] ?? "socket";
    const target = kind === "symlink" ? this.files.readlink(ino) : "";
    return {
      name,
      kind,
      mode: mode & 0o7777,
      uid,
      gid,
      size: kind === "file" || kind === "symlink" ? exactSize(name, size) : 0,
      mtime: mtimeSeconds,
      target: typeof target === "number" ? "" : target,
    };
  }

  #walk(path: string, follow: boolean): number {
    return check(path, this.#find(path, follow));
  }

  /** @returns the inode's number, or a negated errno */
  #find(path: string, followLast: boolean): number {
    const pending = namesOf(path).reverse();
    const trail = [ROOT_INO];
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const ino = this.files.lookup(trail.at(-1)!, name);
      if (ino < 0) return ino;
      check(path, this.files.stat(ino, this.#attributes));
      if ((this.#attributes.mode & S_IFMT) !== S_IFLNK || (pending.length === 0 && !followLast)) {
        trail.push(ino);
        continue;
      }
      const target = this.files.readlink(ino);
      if (typeof target === "number") return target;
      if (++links > LINKS_MAX) throw new FormatError(`${path}: too many levels of symbolic links`);
      if (target.startsWith("/")) trail.length = 1;
      pending.push(...namesOf(target).reverse());
    }
    return trail.at(-1)!;
  }

  #place(path: string): { folder: number; name: string } {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined || name === "..") throw new FormatError(`${path}: not a name`);
    return { folder: this.#walk(names.join("/"), true), name };
  }
}

/** A disk as the engine's device; its end is cut to whole blocks. */
export class DiskDevice implements BlockDevice {
  readonly readOnly: boolean;
  readonly #disk: Disk;

  constructor(disk: Disk, readOnly: boolean) {
    this.#disk = disk;
    this.readOnly = readOnly;
  }

  get size(): number {
    return this.#disk.size - (this.#disk.size % 4096);
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset + length > this.size) return -EIO;
    this.#disk.read(offset, bytes.subarray(at, at + length));
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset + length > this.size) return -EIO;
    this.#disk.write(offset, bytes.subarray(at, at + length));
    return 0;
  }

  /** The image as a whole is flushed at the end. */
  flush(): number {
    return 0;
  }

  resize(): number {
    return -EINVAL;
  }

  discard(): void {}
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function check(path: string, result: number): number {
  if (result < 0) throw new FormatError(`${path}: ${getSystemErrorMessage(result)}`);
  return result;
}
