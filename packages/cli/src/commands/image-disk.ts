/** `stratos image disk`: disk images and the files in them, without mounting. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { byteStringToUtf8, printable } from "@stratos/base";
import type { Qcow2Compression } from "@stratos/images/outputs";
import { ProgressDisplay } from "../progress-display.ts";
import {
  copyFromDisk,
  copyIntoDisk,
  findDiskPlace,
  listDisk,
  makeDiskFolder,
  parseDiskPlace,
  readDiskFile,
  removeFromDisk,
  requireDiskPlace,
} from "@stratos/images/disk";
import {
  convertDisk,
  createDisk,
  describeDisk,
  DISK_TARGETS,
  type DiskTarget,
  resizeDisk,
} from "@stratos/images/outputs";
import { longListing } from "@stratos/volumes";
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
    .action(async (image: string, options: DiskCreateOptions) => finish(await makeDisk(image, options)));
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
      ).choices([...DISK_TARGETS]),
    )
    .addOption(new Option("-c, --compress <kind>", "pack the clusters of a QCOW2 image").choices(["zlib", "zstd"]))
    .option("-f, --force", "replace a file that is there")
    .action(async (source: string, target: string, options: DiskConvertOptions) =>
      finish(await changeFormat(source, target, options)),
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
    .action((image: string, size: number, options: { readonly shrink?: true }) => {
      resizeDisk(image, size, options.shrink === true);
      finish(0);
    });
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

interface DiskInfoOptions {
  readonly json?: true;
}
interface DiskCreateOptions {
  readonly format?: DiskFormat;
  readonly size?: number;
  readonly backing?: string;
}
interface DiskConvertOptions {
  readonly to?: DiskTarget;
  readonly compress?: Qcow2Compression;
  readonly force?: true;
}
type DiskFormat = "raw" | "qcow2";

async function listDiskFiles(where: string, options: DiskListOptions): Promise<number> {
  const listed = listDisk(parseDiskPlace(where)).map((file) => ({
    name: byteStringToUtf8(file.name),
    kind: file.kind,
    mode: file.mode.toString(8).padStart(4, "0"),
    uid: file.uid,
    gid: file.gid,
    links: 1,
    sizeBytes: file.size,
    modifiedAt: new Date(Math.floor(file.mtime) * 1000).toISOString(),
    ...(file.kind === "symlink" ? { target: byteStringToUtf8(file.target) } : {}),
  }));
  if (options.json === true) {
    const files = listed.map(({ links: _links, ...file }) => file);
    process.stdout.write(`${JSON.stringify(files, null, 2)}\n`);
  } else
    process.stdout.write(
      printable(options.long === true ? longListing(listed) : listed.map(({ name }) => `${name}\n`).join("")),
    );
  return 0;
}

async function showDiskFiles(places: readonly string[]): Promise<number> {
  for (const place of places) await readDiskFile(requireDiskPlace(place), toStdout);
  return 0;
}

/** As fast as its reader takes it. */
function toStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** Into an image, or out of one. `-` is standard input or output. */
async function copyDiskFiles(source: string, target: string, options: DiskCopyOptions): Promise<number> {
  const from = findDiskPlace(source),
    to = findDiskPlace(target);
  const isRecursive = options.recursive === true;
  if (from === null && to !== null) copyIntoDisk(source === "-" ? readFileSync(0) : source, to, { isRecursive });
  else if (from === null || to !== null)
    throw new UsageError("cp", "one of the two is a place in an image: IMAGE:/PATH");
  else if (target === "-") await readDiskFile(from, toStdout);
  else
    copyFromDisk(from, target, {
      isRecursive,
      onLeftOut: (path, kind) => void process.stderr.write(`stratos: ${path}: a ${kind}, left out\n`),
    });
  return 0;
}

async function makeDiskDirectory(places: readonly string[]): Promise<number> {
  for (const place of places) makeDiskFolder(requireDiskPlace(place));
  return 0;
}

async function removeDiskFiles(places: readonly string[], options: DiskRemoveOptions): Promise<number> {
  for (const place of places)
    removeFromDisk(requireDiskPlace(place), {
      isRecursive: options.recursive === true,
      mayMiss: options.force === true,
    });
  return 0;
}

async function showDisk(image: string, options: DiskInfoOptions): Promise<number> {
  const info = describeDisk(image);
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

async function makeDisk(
  image: string,
  { format = formatOf(image), size, backing }: DiskCreateOptions,
): Promise<number> {
  if (format === "raw") {
    if (backing !== undefined)
      throw new CommandError(image, "a raw disk lies on nothing; --backing needs a QCOW2 image");
    createDisk(image, { format, size: size ?? missingSize(image) });
  } else if (backing === undefined) createDisk(image, { format, size: size ?? missingSize(image) });
  else createDisk(image, { format, backing, ...(size === undefined ? {} : { size }) });
  return 0;
}

function missingSize(image: string): never {
  throw new CommandError(image, "--size is missing");
}

async function changeFormat(source: string, target: string, options: DiskConvertOptions): Promise<number> {
  const { to: format = targetFormatOf(target), compress: compression } = options;
  if (compression !== undefined && format !== "qcow2")
    throw new CommandError(target, `a ${format} disk cannot be packed by choice; qcow2 can`);
  const progress = new ProgressDisplay(process.stderr);
  try {
    convertDisk(source, target, {
      format,
      compression,
      isForced: options.force === true,
      onProgress: (done, total) => {
        if (process.stderr.isTTY) progress.update("Converting", done, total, "bytes");
      },
    });
  } finally {
    progress.clear();
  }
  return 0;
}

function targetFormatOf(path: string): DiskTarget {
  const ending = /\.(vmdk|vhdx|vhd|vpc)$/.exec(path)?.[1];
  return ending === undefined ? formatOf(path) : ending === "vpc" ? "vhd" : (ending as DiskTarget);
}

function formatOf(path: string): DiskFormat {
  return /\.(qcow2|qcow)$/.test(path) ? "qcow2" : "raw";
}
