/** Opens disk images, raw or QCOW2 (with those that they lie on), and the file systems in them. */
import { dirname, isAbsolute, join } from "node:path";
import {
  Ext4Files,
  FatFiles,
  FatVolume,
  FormatError,
  isDiskContainer,
  partDisk,
  probe,
  Qcow2Image,
  readBtrfs,
  readErofs,
  readLayout,
  TreeFiles,
  type Disk,
  type DiskFiles,
  type DiskLayout,
  type DiskPart,
} from "@stratos/formats";
import { FileLockedError } from "@stratos/host-node";
import { FileDisk } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { OperationError } from "@stratos/operation";
import { openAegisFiles } from "./aegis-files.ts";
import type { DiskPlace } from "./disk-place.ts";

interface OpenDisk {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  readonly disk: Disk;
  readonly qcow2: Qcow2Image | null;
  /** Makes changes lasting. */
  flush(): void;
  close(): void;
}

const QCOW2_MAGIC = [0x51, 0x46, 0x49, 0xfb];
/** Images on images on images: more is a circle. */
const BACKING_MAX = 32;

/** @throws OperationError */
export function openDisk(path: string, access: "read" | "write"): OpenDisk {
  const opened: FileDisk[] = [];
  const close = (): void => opened.forEach((file) => file.close());
  try {
    const open = (
      name: string,
      format: string | undefined,
      readOnly: boolean,
    ): { file: FileDisk; qcow2: Qcow2Image | null } => {
      if (opened.length > BACKING_MAX) throw new FormatError(`more than ${BACKING_MAX} images lie on one another`);
      const file = openFile(name, readOnly);
      opened.push(file);
      if (format === "raw" || (format === undefined && !isQcow2(file))) return { file, qcow2: null };
      const qcow2 = Qcow2Image.open(file, nodeCodecs(), (backing) => {
        const target = isAbsolute(backing.name) ? backing.name : join(dirname(name), backing.name);
        const below = open(target, backing.format, true);
        return below.qcow2 ?? below.file;
      });
      return { file, qcow2 };
    };
    const { file, qcow2 } = open(path, undefined, access === "read");
    return {
      path,
      format: qcow2 === null ? "raw" : "qcow2",
      disk: qcow2 ?? file,
      qcow2,
      close,
      flush: () => {
        if (access === "read") return;
        qcow2?.flush();
        file.flush();
      },
    };
  } catch (error) {
    close();
    throw diskError(path, error);
  }
}

/** Opens, hands over, makes lasting what was changed, and closes. A failure leaves what was there. */
export function withDisk<T>(path: string, access: "read" | "write", work: (opened: OpenDisk) => T): T {
  const opened = openDisk(path, access);
  try {
    const result = work(opened);
    opened.flush();
    return result;
  } catch (error) {
    throw diskError(path, error);
  } finally {
    opened.close();
  }
}

/** Opens the file system of a place. The caller flushes it. */
export function filesOf(opened: OpenDisk, part: string | null, access: "read" | "write"): DiskFiles {
  const layout = readLayout(opened.disk);
  const chosen = choosePart(opened, layout, part);
  const disk = partDisk(opened.disk, chosen);
  const kind = probe(disk);
  switch (kind) {
    case "ext4":
      return new Ext4Files(disk);
    case "fat":
      return new FatFiles(FatVolume.open(disk));
    case "aegisfs":
      return openAegisFiles(disk, access === "read");
    case "erofs":
    case "btrfs": {
      const { label, tree } = kind === "erofs" ? readErofs(disk, nodeCodecs()) : readBtrfs(disk, nodeCodecs());
      return new TreeFiles({ type: kind, label }, tree);
    }
    case "unknown":
      throw new FormatError(`${partName(chosen)} has no file system that is known`);
    case "luks":
      throw new FormatError(`${partName(chosen)} is encrypted (LUKS), and its files are not read here`);
    default:
      throw new FormatError(
        isDiskContainer(kind)
          ? `${partName(chosen)} is a ${kind.toUpperCase()} image, whose files are not read here; those of raw and ` +
              `QCOW2 are (qemu-img convert -O raw ${opened.path} DISK)`
          : `${partName(chosen)} has ${kind}, whose files are not read here`,
      );
  }
}

/** Runs `work` on the files of a place and makes changes lasting. */
export function withFiles<T>(
  place: DiskPlace,
  access: "read" | "write",
  work: (files: DiskFiles, path: string) => T,
): T {
  return withDisk(place.image, access, (opened) => {
    const files = filesOf(opened, place.part, access);
    const result = work(files, Buffer.from(place.path, "utf8").toString("latin1"));
    if (access === "write") files.flush();
    return result;
  });
}

function choosePart({ disk }: OpenDisk, { parts }: DiskLayout, wanted: string | null): DiskPart {
  if (wanted !== null) {
    const found =
      parts.find((part) => String(part.number) === wanted) ??
      parts.find((part) => part.name === wanted || part.type === wanted);
    if (found === undefined)
      throw new FormatError(`no partition ${wanted}; there are ${parts.map(partName).join(", ")}`);
    return found;
  }
  // The root is what people mean, whether it can be read or not, else the one part that has files.
  const named = parts.filter(({ type }) => /^root-(?!.*-verity)/.test(type));
  if (named.length === 1) return named[0]!;
  const readable = parts.filter((part) =>
    ["ext4", "fat", "aegisfs", "erofs", "btrfs"].includes(probe(partDisk(disk, part))),
  );
  const root =
    readable.find((part) => part.type.startsWith("root-")) ??
    readable.find((part) => part.type === "linux" || part.type === "0x83");
  const only = root ?? (readable.length === 1 || parts.length === 1 ? (readable[0] ?? parts[0]) : undefined);
  if (only === undefined)
    throw new FormatError(`say which partition, as IMAGE@PART:/PATH; there are ${parts.map(partName).join(", ")}`);
  return only;
}

function partName(part: DiskPart): string {
  return part.number === 0 ? "the disk" : `partition ${part.number}${part.name === "" ? "" : ` (${part.name})`}`;
}

function isQcow2(file: FileDisk): boolean {
  if (file.size < 4) return false;
  const head = new Uint8Array(4);
  file.read(0, head);
  return QCOW2_MAGIC.every((byte, index) => head[index] === byte);
}

function openFile(path: string, readOnly: boolean): FileDisk {
  try {
    return new FileDisk(path, { readOnly });
  } catch (error) {
    if (error instanceof FileLockedError)
      throw new OperationError("image", path, `in use by process ${error.owner}`, { cause: error });
    throw error;
  }
}

/** A format's words as the command line's. */
export function diskError(path: string, error: unknown): unknown {
  return error instanceof FormatError ? new OperationError("image", path, error.message, { cause: error }) : error;
}
