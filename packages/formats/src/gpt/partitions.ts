/**
 * Which parts a disk has, and what is on each: GUID and MBR partition tables, or one file system over the whole disk.
 */
import { partitionTypeName } from "./partition-types.ts";
import { readGpt, SECTOR_SIZE } from "./gpt.ts";
export { FormatError } from "../format-error.ts";
import { DiskWindow, readBytes, viewOf, type Disk } from "../disk/disk.ts";

export interface DiskPart {
  /** from 1, as the system counts them; 0: the whole disk */
  readonly number: number;
  readonly name: string;
  /** `esp`, `linux`, … or a GUID; `0x83` of an MBR; "" of a whole disk */
  readonly type: string;
  readonly start: number;
  readonly size: number;
}

export interface DiskLayout {
  readonly table: "gpt" | "mbr" | "none";
  readonly parts: readonly DiskPart[];
}

/** @throws FormatError when a table is damaged */
export function readLayout(disk: Disk): DiskLayout {
  const whole: DiskPart = { number: 0, name: "", type: "", start: 0, size: disk.size };
  // At the end of some the backup of the table that lies in them is found.
  if (isDiskContainer(probe(disk))) return { table: "none", parts: [whole] };
  const gpt = readGpt(disk);
  if (gpt !== undefined) {
    return {
      table: "gpt",
      parts: gpt.partitions.map((part, index) => ({
        number: part.number ?? index + 1,
        name: part.name,
        type: partitionTypeName(part.type),
        start: part.start,
        size: part.size,
      })),
    };
  }
  if (probe(disk) !== "unknown" || disk.size < SECTOR_SIZE) return { table: "none", parts: [whole] };
  const mbr = readBytes(disk, 0, SECTOR_SIZE),
    view = viewOf(mbr);
  const parts: DiskPart[] = [];
  if (mbr[510] === 0x55 && mbr[511] === 0xaa) {
    for (let index = 0; index < 4; index++) {
      const at = 446 + index * 16,
        type = mbr[at + 4]!;
      const start = view.getUint32(at + 8, true) * SECTOR_SIZE,
        size = view.getUint32(at + 12, true) * SECTOR_SIZE;
      if (type !== 0 && size > 0 && start + size <= disk.size)
        parts.push({ number: index + 1, name: "", type: `0x${type.toString(16).padStart(2, "0")}`, start, size });
    }
  }
  return parts.length > 0 ? { table: "mbr", parts } : { table: "none", parts: [whole] };
}

export function partDisk(disk: Disk, part: DiskPart): Disk {
  return part.number === 0 ? disk : new DiskWindow(disk, part);
}

export type FileSystemKind =
  | "ext4"
  | "fat"
  | "aegisfs"
  | "squashfs"
  | "erofs"
  | "iso9660"
  | "btrfs"
  | "xfs"
  | "swap"
  | "luks"
  | "vmdk"
  | "vdi"
  | "vhd"
  | "vhdx"
  | "unknown";

/** A disk of another hypervisor's, in a file. */
export function isDiskContainer(kind: FileSystemKind): boolean {
  return kind === "vmdk" || kind === "vdi" || kind === "vhd" || kind === "vhdx";
}

/** What a part's first blocks say that it is. */
export function probe(disk: Disk): FileSystemKind {
  const head = new Uint8Array(Math.min(disk.size, 70000));
  if (head.length < 512) return "unknown";
  disk.read(0, head);
  const has = (at: number, text: string): boolean => {
    for (let index = 0; index < text.length; index++) if (head[at + index] !== text.charCodeAt(index)) return false;
    return true;
  };
  // Containers of others before what may lie in them.
  if (has(0, "LUKS\xba\xbe")) return "luks";
  if (has(0, "KDMV")) return "vmdk";
  if (has(64, "\x7f\x10\xda\xbe")) return "vdi";
  if (has(0, "vhdxfile")) return "vhdx";
  // One that grows begins with a copy of its footer; one of a fixed size is a raw disk with a footer.
  if (has(0, "conectix")) return "vhd";
  if (has(1024 + 0x38, "\x53\xef")) return "ext4";
  if (has(0, "AEGISFS") || has(4096, "AEGISFS") || has(65536, "AEGISFS")) return "aegisfs";
  if (has(0, "hsqs")) return "squashfs";
  if (has(1024, "\xe2\xe1\xf5\xe0")) return "erofs";
  if (has(32769, "CD001")) return "iso9660";
  if (has(65600, "_BHRfS_M")) return "btrfs";
  if (has(0, "XFSB")) return "xfs";
  if (has(4086, "SWAPSPACE2")) return "swap";
  if (has(510, "\x55\xaa") && (has(54, "FAT") || has(82, "FAT32"))) return "fat";
  return "unknown";
}
