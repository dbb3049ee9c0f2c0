/** `stratos image disk ls|cat|cp|mkdir|rm`: files of disk images that are not mounted. */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { printable } from "@stratos/base";
import { FormatError, type Blob, type DiskFile, type DiskFiles } from "@stratos/formats";
import { longListing } from "@stratos/volumes";
import { CommandError, UsageError } from "../command-error.ts";
import {
  diskError,
  type DiskPlace,
  filesOf,
  findDiskPlace,
  openDisk,
  parseDiskPlace,
  requireDiskPlace,
  withFiles,
} from "@stratos/images/disk";

export interface DiskListOptions {
  readonly long?: true;
  readonly json?: true;
}
export interface DiskCopyOptions {
  readonly recursive?: true;
}
export interface DiskRemoveOptions {
  readonly recursive?: true;
  readonly force?: true;
}

const COPY_BYTES = 1 << 20;
const text = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

export async function listDiskFiles(where: string, options: DiskListOptions): Promise<number> {
  const found = withFiles(parseDiskPlace(where), "read", (files, path) => {
    const file = files.find(path);
    if (file === undefined) throw new FormatError(`${path}: no such file or directory`);
    return file.kind === "directory" || (file.kind === "symlink" && path.endsWith("/")) ? files.list(path) : [file];
  });
  const listed = found.map((file) => ({
    name: text(file.name),
    kind: file.kind,
    mode: file.mode.toString(8).padStart(4, "0"),
    uid: file.uid,
    gid: file.gid,
    links: 1,
    sizeBytes: file.size,
    modifiedAt: new Date(Math.floor(file.mtime) * 1000).toISOString(),
    ...(file.kind === "symlink" ? { target: text(file.target) } : {}),
  }));
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify(
        listed.map(({ links: _links, ...file }) => file),
        null,
        2,
      )}\n`,
    );
  else
    process.stdout.write(
      printable(options.long === true ? longListing(listed) : listed.map(({ name }) => `${name}\n`).join("")),
    );
  return 0;
}

export async function showDiskFiles(places: readonly string[]): Promise<number> {
  for (const place of places) await printDiskFile(requireDiskPlace(place));
  return 0;
}

/** Piece by piece, as fast as the reader takes them: a file may be larger than memory. */
async function printDiskFile(place: DiskPlace): Promise<void> {
  const opened = openDisk(place.image, "read");
  try {
    const content = filesOf(opened, place.part, "read").content(Buffer.from(place.path, "utf8").toString("latin1"));
    const buffer = new Uint8Array(COPY_BYTES);
    for (let offset = 0, count = 0; offset < content.sizeBytes; offset += count) {
      count = pieceOf(content, offset, buffer);
      await new Promise<void>((resolve, reject) =>
        process.stdout.write(buffer.subarray(0, count), (error) => (error ? reject(error) : resolve())),
      );
    }
  } catch (error) {
    throw diskError(place.image, error);
  } finally {
    opened.close();
  }
}

/** Into an image, or out of one. `-` is standard input or output. */
export async function copyDiskFiles(source: string, target: string, options: DiskCopyOptions): Promise<number> {
  const from = findDiskPlace(source),
    to = findDiskPlace(target);
  if ((from === null) === (to === null))
    throw new UsageError("cp", "one of the two is a place in an image: IMAGE:/PATH");
  if (to !== null) {
    withFiles(to, "write", (files, path) => {
      const isFolder = path.endsWith("/") || files.find(path)?.kind === "directory";
      copyIn(
        files,
        source,
        isFolder ? `${path}/${Buffer.from(basename(source), "utf8").toString("latin1")}` : path,
        options,
      );
    });
    return 0;
  }
  if (target === "-") {
    await printDiskFile(from!);
    return 0;
  }
  withFiles(from!, "read", (files, path) => {
    const file = files.find(path);
    if (file === undefined) throw new FormatError(`${path}: no such file or directory`);
    const isFolder = (() => {
      try {
        return statSync(target).isDirectory();
      } catch {
        return false;
      }
    })();
    copyOut(files, path, file, isFolder ? join(target, text(file.name)) : target, options);
  });
  return 0;
}

export async function makeDiskDirectory(places: readonly string[]): Promise<number> {
  for (const place of places)
    withFiles(requireDiskPlace(place), "write", (files, path) =>
      files.makeDirectory(path, { mode: 0o755, uid: 0, gid: 0, mtime: now() }),
    );
  return 0;
}

export async function removeDiskFiles(places: readonly string[], options: DiskRemoveOptions): Promise<number> {
  for (const place of places) {
    withFiles(requireDiskPlace(place), "write", (files, path) => {
      const file = files.find(path);
      if (file === undefined && options.force === true) return;
      if (file === undefined) throw new FormatError(`${path}: no such file or directory`);
      if (file.kind === "directory" && options.recursive !== true)
        throw new FormatError(`${path}: is a directory; -r removes it with all that is in it`);
      removeTree(files, path, file);
    });
  }
  return 0;
}

function removeTree(files: DiskFiles, path: string, file: DiskFile): void {
  if (file.kind === "directory")
    for (const child of files.list(path)) removeTree(files, `${path}/${child.name}`, child);
  files.remove(path);
}

function copyIn(files: DiskFiles, host: string, path: string, options: DiskCopyOptions): void {
  if (host === "-") {
    const bytes = readFileSync(0);
    return files.write(path, memoryContent(bytes), { mode: 0o644, uid: 0, gid: 0, mtime: now() });
  }
  const stat = options.recursive === true ? lstatSync(host) : statSync(host);
  const mtime = Math.floor(stat.mtimeMs / 1000);
  if (stat.isDirectory()) {
    if (options.recursive !== true) throw new CommandError(host, "is a directory; -r copies it with all that is in it");
    if (files.find(path) === undefined) files.makeDirectory(path, { mode: stat.mode & 0o7777, uid: 0, gid: 0, mtime });
    for (const name of readdirSync(host).sort())
      copyIn(files, join(host, name), `${path}/${Buffer.from(name, "utf8").toString("latin1")}`, options);
    return;
  }
  if (!stat.isFile())
    throw new CommandError(host, "is neither a file nor a directory, and is not copied into an image");
  const fd = openSync(host, "r");
  try {
    files.write(
      path,
      { sizeBytes: stat.size, read: (offset, into) => readSync(fd, into, 0, into.length, offset) },
      { mode: stat.mode & 0o7777, uid: 0, gid: 0, mtime },
    );
  } finally {
    closeSync(fd);
  }
}

function copyOut(files: DiskFiles, path: string, file: DiskFile, host: string, options: DiskCopyOptions): void {
  if (file.kind === "directory") {
    if (options.recursive !== true)
      throw new FormatError(`${path}: is a directory; -r copies it with all that is in it`);
    mkdirSync(host, { recursive: true });
    for (const child of files.list(path)) {
      // A name on FAT or in a damaged image is no path on the host.
      if (child.name.includes("/") || child.name === "..") throw new FormatError(`${path}: holds an impossible name`);
      copyOut(files, `${path}/${child.name}`, child, join(host, text(child.name)), options);
    }
    return;
  }
  if (file.kind !== "file" && file.kind !== "symlink")
    return void process.stderr.write(`stratos: ${text(path)}: a ${file.kind}, left out\n`);
  // Whole under its name, or not at all.
  const draft = `${host}.stratos-${process.pid}`;
  const fd = openSync(draft, "w", file.mode & 0o777);
  try {
    eachPiece(files.content(path), (bytes) => writeAll(fd, bytes));
    renameSync(draft, host);
  } catch (error) {
    rmSync(draft, { force: true });
    throw diskError(host, error);
  } finally {
    closeSync(fd);
  }
}

function eachPiece(content: Pick<Blob, "sizeBytes" | "read">, take: (bytes: Uint8Array) => void): void {
  const buffer = new Uint8Array(COPY_BYTES);
  for (let offset = 0; offset < content.sizeBytes;) {
    const count = pieceOf(content, offset, buffer);
    take(buffer.subarray(0, count));
    offset += count;
  }
}

function pieceOf(content: Pick<Blob, "read">, offset: number, buffer: Uint8Array): number {
  const count = content.read(offset, buffer);
  if (count <= 0) throw new FormatError("a file is shorter than its size says");
  return count;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

function memoryContent(bytes: Uint8Array): Pick<Blob, "sizeBytes" | "read"> {
  return {
    sizeBytes: bytes.length,
    read(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
