/**
 * FAT as {@link DiskFiles}: names become byte strings, owners and permissions are those that Linux shows by default.
 */
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import type { DiskFile, DiskFiles, NewFile } from "../tree/disk-files.ts";
import { FormatError } from "../format-error.ts";
import { type Blob, MemoryBlob } from "../tree/file-tree.ts";
import type { FatEntry, FatVolume } from "./fat-volume.ts";

export class FatFiles implements DiskFiles {
  readonly #volume: FatVolume;
  readonly label = "";

  constructor(volume: FatVolume) {
    this.#volume = volume;
  }

  get type(): string {
    return `fat${this.#volume.bits}`;
  }

  list(path: string): DiskFile[] {
    return this.#volume
      .list(byteStringToUtf8(path))
      .map(diskFile)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(path: string): DiskFile | undefined {
    const entry = this.#volume.find(byteStringToUtf8(path));
    return entry === undefined ? undefined : diskFile(entry);
  }

  content(path: string): Pick<Blob, "sizeBytes" | "read"> {
    return new MemoryBlob(this.#volume.read(byteStringToUtf8(path)), "");
  }

  write(path: string, content: Pick<Blob, "sizeBytes" | "read">, file: NewFile): void {
    if (content.sizeBytes > 0xffffffff) throw new FormatError(`${path}: FAT files have less than 4 GiB`);
    const bytes = new Uint8Array(content.sizeBytes);
    for (let done = 0; done < bytes.length;) {
      const count = content.read(done, bytes.subarray(done));
      if (count <= 0) throw new FormatError(`${path}: its content is shorter than its size says`);
      done += count;
    }
    this.#volume.write(byteStringToUtf8(path), bytes, file.mtime);
  }

  makeDirectory(path: string, file: NewFile): void {
    this.#volume.makeDirectory(byteStringToUtf8(path), file.mtime);
  }

  remove(path: string): void {
    this.#volume.remove(byteStringToUtf8(path));
  }

  flush(): void {
    this.#volume.flush();
  }
}

function diskFile(entry: FatEntry): DiskFile {
  return {
    name: utf8ToByteString(entry.name),
    kind: entry.isDirectory ? "directory" : "file",
    mode: entry.isDirectory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: entry.size,
    mtime: entry.mtime,
    target: "",
  };
}
