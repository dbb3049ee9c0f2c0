/** `stratos image disk info|convert|resize|create`: disk images as wholes. */
import { renameSync, rmSync } from "node:fs";
import { basename } from "node:path";
import {
  copyToQcow2,
  FormatError,
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
import { ProgressDisplay } from "@stratos/host-node";
import { FileDisk } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { CommandError } from "../command-error.ts";
import { diskError, openDisk, withDisk } from "@stratos/images/disk";
import { writeForeignDisk } from "@stratos/images/outputs";
import { formatTable } from "../text-table.ts";

export interface DiskInfoOptions {
  readonly json?: true;
}
export interface DiskCreateOptions {
  readonly format?: DiskFormat;
  readonly size?: number;
  readonly backing?: string;
}
export interface DiskConvertOptions {
  readonly to?: TargetFormat;
  readonly compress?: Qcow2Compression;
  readonly force?: true;
}
type DiskFormat = "raw" | "qcow2";
/** What a disk can be written as, and is not read as here. */
type TargetFormat = DiskFormat | "vmdk" | "vhd" | "vhd-fixed" | "vhdx";

const COPY_BYTES = 4 << 20;

export async function showDisk(image: string, options: DiskInfoOptions): Promise<number> {
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

export async function createDisk(image: string, options: DiskCreateOptions): Promise<number> {
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

export async function convertDisk(source: string, target: string, options: DiskConvertOptions): Promise<number> {
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

export async function resizeDisk(image: string, size: number, options: { readonly shrink?: true }): Promise<number> {
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
