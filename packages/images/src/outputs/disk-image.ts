/** Disk images, raw or QCOW2, as wholes: described, made, converted, resized. */
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
import { nodeCodecs } from "@stratos/host-node/codecs";
import { diskError, openDisk, withDisk } from "../disk/open-disk.ts";
import { writeForeignDisk } from "./foreign-disk.ts";
import { withNewDisk } from "./write-output.ts";

/** What a disk can be written as; only the first two are read, too. */
export const DISK_TARGETS = ["raw", "qcow2", "vmdk", "vhd", "vhd-fixed", "vhdx"] as const;
export type DiskTarget = (typeof DISK_TARGETS)[number];

const COPY_BYTES = 4 << 20;
/** What is zero for as long stays a hole. */
const HOLE_BYTES = 65_536;

interface DiskDescription {
  readonly format: "raw" | "qcow2";
  readonly sizeBytes: number;
  /** of QCOW2 */
  readonly clusterBytes?: number;
  readonly backing?: string | null;
  readonly table: string;
  readonly parts: readonly {
    readonly number: number;
    readonly name: string;
    readonly type: string;
    readonly startBytes: number;
    readonly sizeBytes: number;
    readonly fileSystem: string;
  }[];
}

/** @throws OperationError */
export function describeDisk(path: string): DiskDescription {
  return withDisk(path, "read", ({ format, disk, qcow2 }) => {
    const { table, parts } = readLayout(disk);
    return {
      format,
      sizeBytes: disk.size,
      ...(qcow2 === null ? {} : { clusterBytes: qcow2.clusterSize, backing: qcow2.header.backing?.name ?? null }),
      table,
      parts: parts.map((part) => ({
        number: part.number,
        name: part.name,
        type: part.type,
        startBytes: part.start,
        sizeBytes: part.size,
        fileSystem: probe(partDisk(disk, part)),
      })),
    };
  });
}

/**
 * An empty disk.
 *
 * @param content.backing  a disk image that shows through where nothing was written; of QCOW2
 * @param content.size  default: that of `backing`
 * @throws OperationError
 */
export function createDisk(
  path: string,
  content:
    | { readonly format: "raw"; readonly size: number }
    | { readonly format: "qcow2"; readonly size: number; readonly backing?: string }
    | { readonly format: "qcow2"; readonly size?: number; readonly backing: string },
): void {
  if (content.format === "raw") return void withNewDisk(path, content.size, () => {});
  const { size, backing: name } = content;
  const below = name === undefined ? null : openDisk(name, "read");
  try {
    const backing =
      below === null
        ? {}
        : { backing: { name: Buffer.from(name!, "utf8").toString("latin1"), format: below.format, disk: below.disk } };
    fillNew(path, false, (file) => {
      Qcow2Image.create(file, nodeCodecs(), { virtualSize: size ?? below!.disk.size, ...backing });
    });
  } finally {
    below?.close();
  }
}

/** What is zero takes no room. @throws OperationError */
export function convertDisk(
  source: string,
  target: string,
  options: {
    readonly format: DiskTarget;
    /** of QCOW2 */
    readonly compression?: Qcow2Compression | undefined;
    /** also instead of a file that is there */
    readonly isForced: boolean;
    readonly onProgress: (done: number, total: number) => void;
  },
): void {
  const { format, compression, isForced } = options;
  withDisk(source, "read", ({ disk }) =>
    fillNew(target, isForced, (file) => {
      const onProgress = (done: number): void => options.onProgress(done, disk.size);
      if (format === "raw") {
        file.resize(disk.size);
        copyRaw(disk, file, onProgress);
      } else if (format === "qcow2") {
        const packing = compression === undefined ? {} : { compression };
        const image = Qcow2Image.create(file, nodeCodecs(), { virtualSize: disk.size, ...packing });
        copyToQcow2(disk, image, { pack: compression !== undefined, onProgress });
      } else {
        // Both take their time from nobody, as the disk has none: what they note is that of the epoch.
        const name = basename(target);
        const words = { name, fileName: name, architecture: "", time: 0, onProgress };
        writeForeignDisk(format, disk, file, file, words, nodeCodecs());
      }
    }),
  );
}

/** Partitions and file systems stay as they are. @param mayShrink  what lies beyond is lost. @throws OperationError */
export function resizeDisk(path: string, size: number, mayShrink: boolean): void {
  withDisk(path, "write", ({ disk }) => {
    if (size < disk.size && !mayShrink)
      throw new FormatError(`is larger (${disk.size} bytes); --shrink cuts it off, with what is there`);
    const table = readGpt(disk);
    const end = Math.max(0, ...(table?.partitions ?? []).map((partition) => partition.start + partition.size));
    if (table !== undefined && end > gptSpace(size, table.sectorSize).end)
      throw new FormatError(`has partitions up to byte ${end}, and would end before`);
    disk.resize(size);
    // The second copy of the table belongs to the disk's end.
    if (table !== undefined) writeGpt(disk, table);
  });
}

function copyRaw(source: Disk, target: Disk, onProgress: (done: number) => void): void {
  const buffer = new Uint8Array(COPY_BYTES);
  for (let offset = 0; offset < source.size; offset += COPY_BYTES) {
    const piece = buffer.subarray(0, Math.min(COPY_BYTES, source.size - offset));
    source.read(offset, piece);
    for (let at = 0; at < piece.length; at += HOLE_BYTES) {
      const part = piece.subarray(at, at + HOLE_BYTES);
      if (!isZero(part)) target.write(offset + at, part);
    }
    onProgress(offset + piece.length);
  }
}

/** As withNewDisk; what the format says is told of the file. */
function fillNew(path: string, isForced: boolean, fill: (file: Disk) => void): void {
  try {
    withNewDisk(path, 0, fill, isForced);
  } catch (error) {
    throw diskError(path, error);
  }
}
