/** Files of disk images: listed, read, copied in and out, made and removed, without mounting. */
import { lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { FormatError, MemoryBlob, type Blob, type DiskFile, type DiskFiles } from "@stratos/formats";
import { replaceByPieces } from "@stratos/host-node/files";
import { OperationError } from "@stratos/operation";
import { FileBlob } from "@stratos/tools-node/outputs";
import type { DiskPlace } from "./disk-place.ts";
import { diskError, filesOf, openDisk, withFiles } from "./open-disk.ts";

const PIECE_BYTES = 1 << 20;

interface CopyOptions {
  /** folders with all that is in them */
  readonly isRecursive: boolean;
}

/** What is in a folder, or the one file. @throws OperationError */
export function listDisk(place: DiskPlace): readonly DiskFile[] {
  return withFiles(place, "read", (files, path) => {
    const file = existing(files, path);
    return file.kind === "directory" || (file.kind === "symlink" && path.endsWith("/")) ? files.list(path) : [file];
  });
}

/** Piece by piece, as fast as `write` takes them: a file may be larger than memory. @throws OperationError */
export async function readDiskFile(place: DiskPlace, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const opened = openDisk(place.image, "read");
  try {
    const content = filesOf(opened, place.part, "read").content(utf8ToByteString(place.path));
    for (const piece of piecesOf(content)) await write(piece);
  } catch (error) {
    throw diskError(place.image, error);
  } finally {
    opened.close();
  }
}

/** @param source  a path of the host, or what a file is to hold. @throws OperationError */
export function copyIntoDisk(source: string | Uint8Array, target: DiskPlace, options: CopyOptions): void {
  withFiles(target, "write", (files, path) => {
    const isFolder = path.endsWith("/") || files.find(path)?.kind === "directory";
    const name = typeof source === "string" ? basename(source) : "-";
    copyIn(files, source, isFolder ? `${path}/${utf8ToByteString(name)}` : path, options);
  });
}

/** @param onLeftOut  hears of what is neither a file nor a folder. @throws OperationError */
export function copyFromDisk(
  source: DiskPlace,
  target: string,
  options: CopyOptions & { readonly onLeftOut: (path: string, kind: DiskFile["kind"]) => void },
): void {
  withFiles(source, "read", (files, path) => {
    const file = existing(files, path);
    const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
    copyOut(files, path, file, isFolder ? join(target, byteStringToUtf8(file.name)) : target, options);
  });
}

/** @throws OperationError */
export function makeDiskFolder(place: DiskPlace): void {
  withFiles(place, "write", (files, path) =>
    files.makeDirectory(path, { mode: 0o755, uid: 0, gid: 0, mtime: nowSeconds() }),
  );
}

/** @param mayMiss  nobody minds when it is not there. @throws OperationError */
export function removeFromDisk(
  place: DiskPlace,
  { isRecursive, mayMiss }: { readonly isRecursive: boolean; readonly mayMiss: boolean },
): void {
  withFiles(place, "write", (files, path) => {
    if (mayMiss && files.find(path) === undefined) return;
    const file = existing(files, path);
    if (file.kind === "directory" && !isRecursive)
      throw new FormatError(`${path}: is a directory; -r removes it with all that is in it`);
    removeTree(files, path, file);
  });
}

function existing(files: DiskFiles, path: string): DiskFile {
  const file = files.find(path);
  if (file === undefined) throw new FormatError(`${path}: no such file or directory`);
  return file;
}

function removeTree(files: DiskFiles, path: string, file: DiskFile): void {
  if (file.kind === "directory")
    for (const child of files.list(path)) removeTree(files, `${path}/${child.name}`, child);
  files.remove(path);
}

function copyIn(files: DiskFiles, source: string | Uint8Array, path: string, options: CopyOptions): void {
  if (typeof source !== "string")
    return files.write(path, new MemoryBlob(source, ""), { mode: 0o644, uid: 0, gid: 0, mtime: nowSeconds() });
  const stat = options.isRecursive ? lstatSync(source) : statSync(source);
  const attributes = { mode: stat.mode & 0o7777, uid: 0, gid: 0, mtime: Math.floor(stat.mtimeMs / 1000) };
  if (stat.isDirectory()) {
    if (!options.isRecursive)
      throw new OperationError("image", source, "is a directory; -r copies it with all that is in it");
    if (files.find(path) === undefined) files.makeDirectory(path, attributes);
    for (const name of readdirSync(source).sort())
      copyIn(files, join(source, name), `${path}/${utf8ToByteString(name)}`, options);
    return;
  }
  if (!stat.isFile())
    throw new OperationError("image", source, "is neither a file nor a directory, and is not copied into an image");
  const content = new FileBlob(source, "");
  try {
    files.write(path, content, attributes);
  } finally {
    content.close();
  }
}

function copyOut(
  files: DiskFiles,
  path: string,
  file: DiskFile,
  host: string,
  options: Parameters<typeof copyFromDisk>[2],
): void {
  if (file.kind === "directory") {
    if (!options.isRecursive) throw new FormatError(`${path}: is a directory; -r copies it with all that is in it`);
    mkdirSync(host, { recursive: true });
    for (const child of files.list(path)) {
      // A name on FAT or in a damaged image is no path on the host.
      if (child.name.includes("/") || child.name === "..") throw new FormatError(`${path}: holds an impossible name`);
      copyOut(files, `${path}/${child.name}`, child, join(host, byteStringToUtf8(child.name)), options);
    }
    return;
  }
  if (file.kind !== "file" && file.kind !== "symlink") return options.onLeftOut(byteStringToUtf8(path), file.kind);
  try {
    const content = files.content(path);
    replaceByPieces(host, piecesOf(content), { mode: file.mode & 0o777, sizeBytes: content.sizeBytes });
  } catch (error) {
    throw diskError(host, error);
  }
}

/** Each holds until the next is asked for. */
function* piecesOf(content: Pick<Blob, "sizeBytes" | "read">): Generator<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let offset = 0, count = 0; offset < content.sizeBytes; offset += count) {
    count = content.read(offset, buffer);
    if (count <= 0) throw new FormatError("a file is shorter than its size says");
    yield buffer.subarray(0, count);
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
