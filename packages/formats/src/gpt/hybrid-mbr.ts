/**
 * Partitions of a GPT that an MBR has, too, for firmware that reads no GPT (boards, some BIOSes). What is no partition
 * there belongs to the GPT, as far as it stands before the first of them. Source: gdisk(8), "Hybrid MBRs"; UEFI 2.10
 * §5.2.1 for the records.
 */
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { SECTOR_SIZE } from "./gpt.ts";

export interface MbrPartition {
  readonly start: number;
  readonly size: number;
  /** of the MBR's own: 0x0c, 0x83 … */
  readonly type: number;
  readonly isActive: boolean;
}

const PARTITIONS_MAX = 3;
const PROTECTIVE = 0xee;

/** Writes over the protective MBR of a disk that has a GPT. @throws FormatError for more than it holds */
export function writeHybridMbr(disk: Disk, partitions: readonly MbrPartition[]): void {
  if (partitions.length > PARTITIONS_MAX)
    throw new FormatError(`an MBR beside a GPT has room for ${PARTITIONS_MAX} partitions`);
  const mbr = readBytes(disk, 0, SECTOR_SIZE),
    view = viewOf(mbr);
  mbr.fill(0, 446, 510);
  const first = Math.min(...partitions.map(({ start }) => start));
  const records = [{ start: SECTOR_SIZE, size: first - SECTOR_SIZE, type: PROTECTIVE, isActive: false }, ...partitions];
  records.forEach(({ start, size, type, isActive }, index) => {
    const at = 446 + index * 16,
      sectors = start / SECTOR_SIZE,
      count = size / SECTOR_SIZE;
    if (sectors + count > 0xffffffff)
      throw new FormatError("an MBR does not reach so far; leave the partition to the GPT");
    // Beyond what cylinders can count: read as numbers of sectors alone.
    mbr.set([isActive ? 0x80 : 0, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], at);
    view.setUint32(at + 8, sectors, true);
    view.setUint32(at + 12, count, true);
  });
  disk.write(0, mbr);
}
