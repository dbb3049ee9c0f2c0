/**
 * Where the parts of a FAT file system lie, read from its boot sector or made for a new one.
 * Source: Microsoft FAT specification (2005) §3.1 to §3.5; §3.5 on which of FAT12, 16 and 32 it is.
 *
 *     reserved sectors | FAT | FAT again | root folder (FAT12/16) | clusters 2 …
 */
import { byteStringOf } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import type { SectorSize } from "../gpt/gpt.ts";

export const FAT_SECTOR = 512;

export interface FatGeometry {
  readonly bits: 12 | 16 | 32;
  readonly sectorSize: number;
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** bytes from the start */
  readonly fatStart: number;
  readonly fatSize: number;
  readonly fatCopies: number;
  /** of FAT12 and FAT16: the root folder's place; its size is fixed */
  readonly rootStart: number;
  readonly rootSize: number;
  /** of FAT32: the root folder's first cluster */
  readonly rootCluster: number;
  /** where cluster 2 begins */
  readonly dataStart: number;
  /** sector of FAT32's FSInfo; 0: none */
  readonly infoSector: number;
}

/** @throws FormatError when the sector is no FAT's, or makes no sense */
export function parseBootSector(sector: Uint8Array, diskSize: number): FatGeometry {
  const view = viewOf(sector);
  const sectorSize = view.getUint16(11, true),
    sectorsPerCluster = sector[13]!,
    reserved = view.getUint16(14, true),
    fatCopies = sector[16]!;
  const rootEntries = view.getUint16(17, true);
  const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
  if (
    sector[510] !== 0x55 ||
    sector[511] !== 0xaa ||
    !isPower(sectorSize) ||
    sectorSize < 512 ||
    sectorSize > 4096 ||
    !isPower(sectorsPerCluster) ||
    reserved === 0 ||
    fatCopies === 0 ||
    fatCopies > 4
  ) {
    throw new FormatError("not a FAT file system");
  }
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const fatSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const rootSectors = Math.ceil((rootEntries * 32) / sectorSize);
  const dataSector = reserved + fatCopies * fatSectors + rootSectors;
  const clusterCount = Math.floor((sectors - dataSector) / sectorsPerCluster);
  if (clusterCount < 1 || sectors * sectorSize > diskSize)
    throw new FormatError("the FAT file system's size does not fit its disk");
  // By the specification the count decides; but tools are told to make small FAT32s, which Linux knows by this field
  // (fs/fat/inode.c).
  const bits = view.getUint16(22, true) === 0 ? 32 : clusterCount < 4085 ? 12 : 16;
  if (fatSectors * sectorSize * 8 < (clusterCount + 2) * bits)
    throw new FormatError("the file allocation table is too short for its clusters");
  return {
    bits,
    sectorSize,
    clusterSize: sectorsPerCluster * sectorSize,
    clusterCount,
    fatStart: reserved * sectorSize,
    fatSize: fatSectors * sectorSize,
    fatCopies,
    rootStart: (reserved + fatCopies * fatSectors) * sectorSize,
    rootSize: bits === 32 ? 0 : rootSectors * sectorSize,
    rootCluster: bits === 32 ? view.getUint32(44, true) : 0,
    dataStart: dataSector * sectorSize,
    infoSector: bits === 32 ? view.getUint16(48, true) : 0,
  };
}

/** Parts of the boot sector of a new file system that its size does not decide. */
export interface FatNames {
  /** at most 11 characters, upper case */
  readonly label: string;
  /** 32 bits */
  readonly volumeId: number;
}

/**
 * Plans a file system over all of `diskSize` bytes: FAT32 from 65525 clusters on, smaller ones as FAT16 and FAT12.
 *
 * @param sectorSize  not less than what the disk counts in, or the kernel refuses it
 * @returns the boot sector
 */
export function planBootSector(diskSize: number, names: FatNames, sectorSize: SectorSize = FAT_SECTOR): Uint8Array {
  const sectors = Math.floor(diskSize / sectorSize);
  if (sectors < 16 || diskSize < 128 * FAT_SECTOR || sectors > 0xffffffff)
    throw new FormatError(`a FAT file system cannot have ${diskSize} bytes`);
  // Below about 33 MB, or 258 MB of large sectors, not even clusters of one sector make a FAT32.
  const bits =
    sectors >= (sectorSize === FAT_SECTOR ? 67584 : 66048)
      ? 32
      : sectors >= (sectorSize === FAT_SECTOR ? 8400 : 4200)
        ? 16
        : 12;
  const usual = bits === 32 ? fat32ClusterSectors(diskSize) : bits === 16 ? 4 : sectors < 3600 ? 1 : 4;
  const clusterSectors =
    sectorSize === FAT_SECTOR ? usual : bits === 32 ? Math.max(1, (usual * FAT_SECTOR) / sectorSize) : 1;
  const reserved = bits === 32 ? 32 : 1;
  const rootEntries = bits === 32 ? 0 : bits === 16 ? 512 : sectorSize === FAT_SECTOR ? 224 : 256;
  const rootSectors = (rootEntries * 32) / sectorSize;
  let fatSectors = 1;
  // The tables shrink the room for clusters that they describe; the loop ends at the first size that is enough.
  for (;;) {
    const clusters = Math.floor((sectors - reserved - 2 * fatSectors - rootSectors) / clusterSectors);
    const needed = Math.ceil(((clusters + 2) * bits) / 8 / sectorSize);
    if (needed <= fatSectors) break;
    fatSectors = needed;
  }
  const boot = new Uint8Array(sectorSize);
  const view = viewOf(boot);
  const put = (at: number, text: string, length: number): void =>
    boot.set(byteStringOf(text.padEnd(length).slice(0, length)), at);
  boot.set([0xeb, bits === 32 ? 0x58 : 0x3c, 0x90]);
  put(3, "STRATOS", 8);
  view.setUint16(11, sectorSize, true);
  boot[13] = clusterSectors;
  view.setUint16(14, reserved, true);
  boot[16] = 2;
  view.setUint16(17, rootEntries, true);
  if (sectors < 0x10000 && bits !== 32) view.setUint16(19, sectors, true);
  else view.setUint32(32, sectors, true);
  boot[21] = 0xf8;
  if (bits !== 32) view.setUint16(22, fatSectors, true);
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  const tail = bits === 32 ? 64 : 36;
  if (bits === 32) {
    view.setUint32(36, fatSectors, true);
    view.setUint32(44, 2, true);
    view.setUint16(48, 1, true);
    view.setUint16(50, 6, true);
  }
  boot[tail] = 0x80;
  boot[tail + 2] = 0x29;
  view.setUint32(tail + 3, names.volumeId, true);
  put(tail + 7, names.label === "" ? "NO NAME" : names.label, 11);
  put(tail + 18, `FAT${bits}`, 8);
  boot.set([0x55, 0xaa], 510);
  return boot;
}

/** The sizes of Microsoft's table (§3.5), which other tools follow. */
function fat32ClusterSectors(diskSize: number): number {
  const megabytes = diskSize / 2 ** 20;
  return megabytes <= 260 ? 1 : megabytes <= 8192 ? 8 : megabytes <= 16384 ? 16 : megabytes <= 32768 ? 32 : 64;
}
