/** `stratos image disk`: disk images and the files in them, without mounting. */
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
import { Command, Option } from "commander";
import { printable } from "@stratos/base";
import {
  FormatError,
  type Blob,
  type DiskFile,
  type DiskFiles,
  copyToQcow2,
  gptSpace,
  isZero,
  partDisk,
  probe,
  Qcow2Image,
  readGpt,
  readLayout,
  writeGpt,
  type Disk,
  type Qcow2Compression,
} from "@stratos/formats";
import { longListing } from "@stratos/volumes";
import {
  diskError,
  type DiskPlace,
  filesOf,
  findDiskPlace,
  openDisk,
  parseDiskPlace,
  requireDiskPlace,
  withFiles,
  withDisk,
} from "@stratos/images/disk";
import { ProgressDisplay } from "@stratos/host-node";
import { FileDisk } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { writeForeignDisk } from "@stratos/images/outputs";
import { parseSize } from "../volume-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { formatTable } from "../text-table.ts";

const PLACE_HELP =
  "\nA place is IMAGE:/PATH, or IMAGE@PART:/PATH with a partition's number or name; without one the root " +
  "partition is meant.\nThe image is raw or QCOW2; files are read and written on FAT, ext4 and AegisFS.";

export function diskCommand(finish: Finish): Command {
  const disk = new Command("disk")
    .summary("look into disk images and change them")
    .description(
      "Looks into disk images, raw or QCOW2, and changes the files in them: nothing is mounted, no rights are needed.",
    )
    .usage("COMMAND");
  const info = new Command("info")
    .description("Shows a disk's format, its partitions, and what is on each.")
    .summary("show partitions and file systems")
    .argument("<image>", "disk image, or a device")
    .addOption(jsonOption())
    .action(async (image: string, options: DiskInfoOptions) => finish(await showDisk(image, options)));
  const list = new Command("ls")
    .description("Lists a folder of a disk image.")
    .summary("list files")
    .argument("<place>", "IMAGE or IMAGE:/PATH")
    .option("-l, --long", "with type, permissions, owner, size and time")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: DiskListOptions) => finish(await listDiskFiles(place, options)));
  const show = new Command("cat")
    .description("Writes files of disk images to standard output.")
    .summary("print files")
    .argument("<place...>", "IMAGE:/PATH")
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[]) => finish(await showDiskFiles(places)));
  const copy = new Command("cp")
    .description("Copies files into a disk image or out of it. What is copied in belongs to root.")
    .summary("copy files in or out")
    .argument("<source>", "IMAGE:/PATH or a path of the host; - is standard input")
    .argument("<target>", "IMAGE:/PATH or a path of the host; - is standard output")
    .option("-r, --recursive", "folders with all that is in them")
    .addHelpText("after", PLACE_HELP)
    .action(async (source: string, target: string, options: DiskCopyOptions) =>
      finish(await copyDiskFiles(source, target, options)),
    );
  const makeDirectory = new Command("mkdir")
    .description("Makes folders in a disk image.")
    .summary("make folders")
    .argument("<place...>", "IMAGE:/PATH")
    .action(async (places: string[]) => finish(await makeDiskDirectory(places)));
  const remove = new Command("rm")
    .description("Removes files from a disk image.")
    .summary("remove files")
    .argument("<place...>", "IMAGE:/PATH")
    .option("-r, --recursive", "folders with all that is in them")
    .option("-f, --force", "do not mind what is not there")
    .action(async (places: string[], options: DiskRemoveOptions) => finish(await removeDiskFiles(places, options)));
  const formatOption = (flags: string, text: string): Option =>
    new Option(flags, `${text} (default: by the name, .qcow2 or raw)`).choices(["raw", "qcow2"]);
  const create = new Command("create")
    .description("Makes an empty disk image, or one on top of another that stays as it is.")
    .summary("make an empty image")
    .argument("<image>", "file that is not there yet")
    .addOption(formatOption("--format <format>", "its format"))
    .addOption(new Option("-s, --size <size>", "its size: 512M, 20G").argParser(parseSize))
    .option("--backing <image>", "image that shows through where nothing was written (QCOW2)")
    .action(async (image: string, options: DiskCreateOptions) => finish(await createDisk(image, options)));
  const convert = new Command("convert")
    .description(
      "Converts a disk image, raw or QCOW2, from one format to the other, or to what other hypervisors take: " +
        "VMDK (stream-optimized), VHDX, VHD (dynamic) and fixed VHD, as Azure wants it. What is zero takes no room.",
    )
    .summary("convert to raw, QCOW2, VMDK, VHD or VHDX")
    .argument("<source>", "disk image")
    .argument("<target>", "file to make")
    .addOption(
      new Option(
        "--to <format>",
        "the target's format (default: by the name, .qcow2, .vmdk, .vhd, .vhdx or raw)",
      ).choices(["raw", "qcow2", "vmdk", "vhd", "vhd-fixed", "vhdx"]),
    )
    .addOption(new Option("-c, --compress <kind>", "pack the clusters of a QCOW2 image").choices(["zlib", "zstd"]))
    .option("-f, --force", "replace a file that is there")
    .action(async (source: string, target: string, options: DiskConvertOptions) =>
      finish(await convertDisk(source, target, options)),
    );
  const resize = new Command("resize")
    .description(
      "Changes the size of a disk; its partitions and file systems stay as they are, and the second copy of a " +
        "partition table moves to the end.",
    )
    .summary("change the size")
    .argument("<image>", "disk image")
    .argument("<size>", "new size: 20G", parseSize)
    .option("--shrink", "also make it smaller; what lies beyond is lost")
    .action(async (image: string, size: number, options: { readonly shrink?: true }) =>
      finish(await resizeDisk(image, size, options)),
    );
  for (const command of [info, list, show, copy, makeDirectory, remove, create, convert, resize])
    disk.addCommand(command);
  return disk;
}

interface DiskListOptions {
  readonly long?: true;
  readonly json?: true;
}
interface DiskCopyOptions {
  readonly recursive?: true;
}
interface DiskRemoveOptions {
  readonly recursive?: true;
  readonly force?: true;
}

const FILE_COPY_BYTES = 1 << 20;
const text = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

async function listDiskFiles(where: string, options: DiskListOptions): Promise<number> {
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

async function showDiskFiles(places: readonly string[]): Promise<number> {
  for (const place of places) await printDiskFile(requireDiskPlace(place));
  return 0;
}

/** Piece by piece, as fast as the reader takes them: a file may be larger than memory. */
async function printDiskFile(place: DiskPlace): Promise<void> {
  const opened = openDisk(place.image, "read");
  try {
    const content = filesOf(opened, place.part, "read").content(Buffer.from(place.path, "utf8").toString("latin1"));
    const buffer = new Uint8Array(FILE_COPY_BYTES);
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
async function copyDiskFiles(source: string, target: string, options: DiskCopyOptions): Promise<number> {
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

async function makeDiskDirectory(places: readonly string[]): Promise<number> {
  for (const place of places)
    withFiles(requireDiskPlace(place), "write", (files, path) =>
      files.makeDirectory(path, { mode: 0o755, uid: 0, gid: 0, mtime: now() }),
    );
  return 0;
}

async function removeDiskFiles(places: readonly string[], options: DiskRemoveOptions): Promise<number> {
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
  const buffer = new Uint8Array(FILE_COPY_BYTES);
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

interface DiskInfoOptions {
  readonly json?: true;
}
interface DiskCreateOptions {
  readonly format?: DiskFormat;
  readonly size?: number;
  readonly backing?: string;
}
interface DiskConvertOptions {
  readonly to?: TargetFormat;
  readonly compress?: Qcow2Compression;
  readonly force?: true;
}
type DiskFormat = "raw" | "qcow2";
/** What a disk can be written as, and is not read as here. */
type TargetFormat = DiskFormat | "vmdk" | "vhd" | "vhd-fixed" | "vhdx";

const COPY_BYTES = 4 << 20;

async function showDisk(image: string, options: DiskInfoOptions): Promise<number> {
  const info = withDisk(image, "read", (opened) => {
    const layout = readLayout(opened.disk);
    return {
      format: opened.format,
      sizeBytes: opened.disk.size,
      ...(opened.qcow2 === null
        ? {}
        : { clusterBytes: opened.qcow2.clusterSize, backing: opened.qcow2.header.backing?.name ?? null }),
      table: layout.table,
      parts: layout.parts.map((part) => ({
        number: part.number,
        name: part.name,
        type: part.type,
        startBytes: part.start,
        sizeBytes: part.size,
        fileSystem: probe(partDisk(opened.disk, part)),
      })),
    };
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(info, null, 2)}\n`);
  else {
    process.stdout.write(
      `${info.format} disk of ${info.sizeBytes} bytes, ` +
        `${info.table === "none" ? "no partition table" : `${info.table.toUpperCase()} partition table`}\n`,
    );
    process.stdout.write(
      formatTable(
        ["PART", "NAME", "TYPE", "START", "SIZE", "FILES"],
        info.parts.map((part) => [
          part.number === 0 ? "-" : String(part.number),
          part.name,
          part.type,
          String(part.startBytes),
          String(part.sizeBytes),
          part.fileSystem,
        ]),
      ),
    );
  }
  return 0;
}

async function createDisk(image: string, options: DiskCreateOptions): Promise<number> {
  const format = formatOf(image, options.format);
  if (options.backing === undefined && options.size === undefined) throw new CommandError(image, "--size is missing");
  if (format === "raw") {
    if (options.backing !== undefined)
      throw new CommandError(image, "a raw disk lies on nothing; --backing needs a QCOW2 image");
    new FileDisk(image, { create: options.size! }).close();
    return 0;
  }
  const below = options.backing === undefined ? null : openDisk(options.backing, "read");
  try {
    withNewFile(image, false, (file) => {
      Qcow2Image.create(file, nodeCodecs(), {
        virtualSize: options.size ?? below!.disk.size,
        ...(below === null
          ? {}
          : {
              backing: {
                name: Buffer.from(options.backing!, "utf8").toString("latin1"),
                format: below.format,
                disk: below.disk,
              },
            }),
      });
    });
  } finally {
    below?.close();
  }
  return 0;
}

async function convertDisk(source: string, target: string, options: DiskConvertOptions): Promise<number> {
  const format =
    options.to ??
    (/\.vmdk$/.test(target)
      ? "vmdk"
      : /\.(vhd|vpc)$/.test(target)
        ? "vhd"
        : /\.vhdx$/.test(target)
          ? "vhdx"
          : formatOf(target, undefined));
  if (options.compress !== undefined && format !== "qcow2")
    throw new CommandError(target, `a ${format} disk cannot be packed by choice; qcow2 can`);
  const progress = new ProgressDisplay(process.stderr);
  try {
    withDisk(source, "read", ({ disk }) =>
      withNewFile(target, options.force === true, (file) => {
        const onProgress = (done: number): void => {
          if (process.stderr.isTTY) progress.update("Converting", done, disk.size, "bytes");
        };
        if (format === "raw") {
          file.resize(disk.size);
          copyRaw(disk, file, onProgress);
        } else if (format !== "qcow2") {
          // Both take their time from nobody, as the disk has none: what they note is that of the epoch.
          writeForeignDisk(
            format,
            disk,
            file,
            file,
            { name: basename(target), fileName: basename(target), architecture: "", time: 0, onProgress },
            nodeCodecs(),
          );
        } else {
          const image = Qcow2Image.create(file, nodeCodecs(), {
            virtualSize: disk.size,
            ...(options.compress === undefined ? {} : { compression: options.compress }),
          });
          copyToQcow2(disk, image, { pack: options.compress !== undefined, onProgress });
        }
      }),
    );
  } finally {
    progress.clear();
  }
  return 0;
}

async function resizeDisk(image: string, size: number, options: { readonly shrink?: true }): Promise<number> {
  withDisk(image, "write", ({ disk }) => {
    if (size < disk.size && options.shrink !== true)
      throw new FormatError(`is larger (${disk.size} bytes); --shrink cuts it off, with what is there`);
    const table = readGpt(disk);
    const end = Math.max(0, ...(table?.partitions ?? []).map((partition) => partition.start + partition.size));
    if (table !== undefined && end > gptSpace(size, table.sectorSize).end)
      throw new FormatError(`has partitions up to byte ${end}, and would end before`);
    disk.resize(size);
    // The second copy of the table belongs to the disk's end.
    if (table !== undefined) writeGpt(disk, table);
  });
  return 0;
}

function copyRaw(source: Disk, target: Disk, onProgress: (done: number) => void): void {
  const buffer = new Uint8Array(COPY_BYTES);
  for (let offset = 0; offset < source.size; offset += COPY_BYTES) {
    const piece = buffer.subarray(0, Math.min(COPY_BYTES, source.size - offset));
    source.read(offset, piece);
    // What is zero stays a hole.
    for (let at = 0; at < piece.length; at += 65536) {
      const part = piece.subarray(at, at + 65536);
      if (!isZero(part)) target.write(offset + at, part);
    }
    onProgress(offset + piece.length);
  }
}

/** A file that appears under its name when it is whole. */
function withNewFile(path: string, replace: boolean, fill: (file: FileDisk) => void): void {
  const draft = `${path}.stratos-${process.pid}`;
  let file: FileDisk | undefined;
  try {
    if (!replace) new FileDisk(path, { create: 0 }).close();
    file = new FileDisk(draft, { create: 0 });
    fill(file);
    file.flush();
    file.close();
    renameSync(draft, path);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === "EEXIST" && file === undefined;
    file?.close();
    rmSync(draft, { force: true });
    if (!replace && !isTaken) rmSync(path, { force: true });
    if (isTaken) throw new CommandError(path, "is there already", { cause: error });
    throw diskError(path, error);
  }
}

function formatOf(path: string, wanted: DiskFormat | undefined): DiskFormat {
  return wanted ?? (/\.(qcow2|qcow)$/.test(path) ? "qcow2" : "raw");
}
