/**
 * Lets an ISO image also start as a disk, as from a USB stick: partition tables in the 32 KiB that ISO 9660 leaves
 * free, and behind its end. UEFI finds the FAT image as EFI system partition. BIOS runs the code in the first sector,
 * which syslinux makes for this purpose (isohdpfx.bin) and which loads isolinux from a place that is written into it.
 * Source: UEFI 2.10 §5; syslinux utils/isohybrid.c.
 */
import { viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { SECTOR_SIZE, writeGpt } from "../gpt/gpt.ts";
import { PARTITION_TYPES } from "../gpt/partition-types.ts";

export interface HybridBoot {
  readonly diskId: string;
  readonly partitionId: string;
  /** isohdpfx.bin; without it only UEFI starts the disk */
  readonly biosCode?: Uint8Array;
}

const MIB = 1 << 20;
/** The second partition table, at the end. */
const TABLE_BYTES = 33 * SECTOR_SIZE;
const CODE_MAX = 432;
const PARTITIONS = 446,
  PARTITION_SIZE = 16;
const ACTIVE = 0x80,
  TYPE_EFI = 0xef;
/** The geometry that BIOS gives to sticks. */
const HEADS = 64,
  TRACK_SECTORS = 32;

/** Bytes of the disk: whole cylinders, with room for the second table. */
export function hybridSize(isoBytes: number): number {
  return Math.ceil((isoBytes + TABLE_BYTES) / MIB) * MIB;
}

/**
 * @param efi  the FAT image's place
 * @param biosStart  byte of isolinux
 */
export function writeHybridBoot(
  disk: Disk,
  boot: HybridBoot,
  efi: { start: number; size: number },
  biosStart: number | undefined,
): void {
  const size = Math.ceil(efi.size / SECTOR_SIZE) * SECTOR_SIZE;
  writeGpt(disk, {
    diskId: boot.diskId,
    partitions: [
      { type: PARTITION_TYPES.esp, id: boot.partitionId, name: "EFI", start: efi.start, size, attributes: 0 },
    ],
  });
  if (boot.biosCode === undefined || biosStart === undefined) return;
  if (boot.biosCode.length > CODE_MAX)
    throw new FormatError(`boot code for disks has at most ${CODE_MAX} bytes, and this has ${boot.biosCode.length}`);
  // BIOS wants a table of its own kind. Its first entry is active, for firmware that looks for one, and of no type, so
  // that it hides nothing.
  const sector = new Uint8Array(SECTOR_SIZE),
    view = viewOf(sector);
  sector.set(boot.biosCode);
  writeU64(view, CODE_MAX, biosStart / SECTOR_SIZE);
  view.setUint32(440, parseInt(boot.diskId.slice(0, 8), 16), true);
  putPartition(view, 0, { flag: ACTIVE, type: 0, start: 0, size: disk.size });
  putPartition(view, 1, { flag: 0, type: TYPE_EFI, start: efi.start, size });
  sector[510] = 0x55;
  sector[511] = 0xaa;
  disk.write(0, sector);
}

function putPartition(
  view: DataView,
  index: number,
  part: { flag: number; type: number; start: number; size: number },
): void {
  const at = PARTITIONS + index * PARTITION_SIZE,
    first = part.start / SECTOR_SIZE,
    count = part.size / SECTOR_SIZE;
  view.setUint8(at, part.flag);
  putCylinder(view, at + 1, first);
  view.setUint8(at + 4, part.type);
  putCylinder(view, at + 5, first + count - 1);
  view.setUint32(at + 8, first, true);
  view.setUint32(at + 12, Math.min(count, 0xffffffff), true);
}

/** Head, sector and cylinder, or the last that can be said. */
function putCylinder(view: DataView, at: number, sector: number): void {
  const cylinder = Math.floor(sector / (HEADS * TRACK_SECTORS)),
    isFar = cylinder > 1023,
    number = isFar ? 1023 : cylinder;
  view.setUint8(at, isFar ? HEADS - 1 : Math.floor(sector / TRACK_SECTORS) % HEADS);
  view.setUint8(at + 1, (isFar ? TRACK_SECTORS : (sector % TRACK_SECTORS) + 1) | ((number >> 8) << 6));
  view.setUint8(at + 2, number & 0xff);
}
