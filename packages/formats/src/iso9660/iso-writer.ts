/**
 * Makes ISO 9660 images with Rock Ridge names and El Torito boot records. Source: ECMA-119 (3rd edition); IEEE P1282
 * (Rock Ridge) and P1281 (SUSP); "El Torito" Bootable CD-ROM Format Specification 1.0; UEFI 2.10 §13.3.2.1.
 *
 *     0 … 15 partition tables, when it is to start as a disk   16 primary descriptor   17 boot record   18 terminator
 *     19 boot catalog   20 … path tables, folders, files
 *
 * Sectors have 2048 bytes. Numbers stand twice, little- and big-endian.
 */
import { byteStringOf } from "@stratos/base";
import { civilTime } from "../calendar/civil-time.ts";
import { readBytes, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";
import { hybridSize, writeHybridBoot, type HybridBoot } from "./hybrid-boot.ts";

const ISO_SECTOR = 2048;
const FIRST_FREE = 20;
const RECORD_MAX = 255;
const FILE_MAX = 0xffffffff;
const COPY_BYTES = 1 << 20;

export interface IsoOptions {
  /** at most 32 of A–Z, 0–9 and _ */
  readonly volumeId: string;
  /** seconds since 1970 */
  readonly time: number;
  /** path of what BIOS starts (isolinux.bin), into which its boot information table is written */
  readonly biosImage?: string;
  /** path of a FAT image that UEFI looks into */
  readonly efiImage?: string;
  /** makes the image start from a disk, too; takes an `efiImage` */
  readonly hybrid?: HybridBoot;
}

interface Node {
  readonly entry: FileEntry;
  /** as ISO 9660 has it: 8.3, upper case, unlike all others of its folder */
  readonly isoName: string;
  readonly parent: Node | undefined;
  readonly children: Node[];
  sector: number;
  size: number;
  /** position among the folders, from 1 */
  number: number;
}

/** Writes the image into a file, which grows to its size. @throws FormatError for what the format cannot hold */
export function writeIso(disk: Disk, tree: FileTree, options: IsoOptions): number {
  if (!/^[A-Z0-9_]{1,32}$/.test(options.volumeId))
    throw new FormatError(`${options.volumeId}: a volume's name has at most 32 of A–Z, 0–9 and _`);
  const root = nodesOf(tree);
  const folders = foldersOf(root);
  const files = new Map<string, Node>();
  let sector = FIRST_FREE;
  const tableSize = folders.reduce((sum, folder) => sum + pathRecordSize(folder), 0);
  const tableSectors = Math.ceil(tableSize / ISO_SECTOR);
  const littleTable = sector,
    bigTable = sector + tableSectors;
  sector += 2 * tableSectors;
  for (const folder of folders) {
    folder.size = folderContent(folder, options).length;
    folder.sector = sector;
    sector += folder.size / ISO_SECTOR;
  }
  for (const folder of folders) {
    for (const node of folder.children) {
      if (node.entry.kind !== "file") continue;
      const size = node.entry.content!.sizeBytes;
      if (size > FILE_MAX) throw new FormatError(`${node.entry.path}: files of 4 GiB and more are not written`);
      node.size = size;
      node.sector = size === 0 ? 0 : sector;
      sector += Math.ceil(size / ISO_SECTOR);
      files.set(node.entry.path, node);
    }
  }
  const total = sector;
  disk.resize(total * ISO_SECTOR);
  disk.write(16 * ISO_SECTOR, primaryDescriptor({ root, total, tableSize, littleTable, bigTable, options }));
  disk.write(17 * ISO_SECTOR, bootRecord());
  disk.write(18 * ISO_SECTOR, terminator());
  disk.write(19 * ISO_SECTOR, bootCatalog(files, options));
  disk.write(littleTable * ISO_SECTOR, pathTable(folders, tableSize, true));
  disk.write(bigTable * ISO_SECTOR, pathTable(folders, tableSize, false));
  for (const folder of folders) disk.write(folder.sector * ISO_SECTOR, folderContent(folder, options));
  const buffer = new Uint8Array(COPY_BYTES);
  for (const node of files.values()) copyFile(disk, node, buffer);
  if (options.biosImage !== undefined) writeBootInformation(disk, fileNode(files, options.biosImage));
  if (options.hybrid === undefined) return total * ISO_SECTOR;
  const size = hybridSize(total * ISO_SECTOR),
    efi = fileNode(files, options.efiImage ?? "");
  disk.resize(size);
  writeHybridBoot(
    disk,
    options.hybrid,
    { start: efi.sector * ISO_SECTOR, size: efi.size },
    options.biosImage === undefined ? undefined : fileNode(files, options.biosImage).sector * ISO_SECTOR,
  );
  return size;
}

function nodesOf(tree: FileTree): Node {
  const nodes = new Map<string, Node>();
  const taken = new Map<Node, Set<string>>();
  let root: Node | undefined;
  for (const entry of tree.entries()) {
    if (!["directory", "file", "symlink"].includes(entry.kind))
      throw new FormatError(`${entry.path}: a ${entry.kind} has no place on an ISO image`);
    const slash = entry.path.lastIndexOf("/");
    const parent = entry.path === "" ? undefined : nodes.get(entry.path.slice(0, Math.max(slash, 0)));
    let isoName = "";
    if (parent !== undefined) {
      let names = taken.get(parent);
      if (names === undefined) taken.set(parent, (names = new Set()));
      isoName = isoNameOf(entry.path.slice(slash + 1), entry.kind === "directory", names);
      names.add(isoName);
    }
    const node: Node = { entry, isoName, parent, children: [], sector: 0, size: 0, number: 0 };
    nodes.set(entry.path, node);
    parent?.children.push(node);
    root ??= node;
  }
  if (root === undefined) throw new FormatError("the tree has no root");
  return root;
}

/** Folders in the order of path tables: by level, then by parent, then by name (§6.9.1). */
function foldersOf(root: Node): Node[] {
  const folders = [root];
  for (let index = 0; index < folders.length; index++) {
    const folder = folders[index]!;
    folder.number = index + 1;
    folder.children.sort((a, b) => (a.isoName < b.isoName ? -1 : 1));
    folders.push(...folder.children.filter((child) => child.entry.kind === "directory"));
  }
  if (folders.length > 0xffff) throw new FormatError("more than 65535 folders");
  return folders;
}

function isoNameOf(name: string, isFolder: boolean, taken: ReadonlySet<string>): string {
  const clean = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9_]/g, "_");
  const dot = isFolder ? -1 : name.lastIndexOf(".");
  const stem = clean(dot <= 0 ? name : name.slice(0, dot)) || "_",
    extension = clean(dot <= 0 ? "" : name.slice(dot + 1)).slice(0, 3);
  for (let number = 0; number < 100_000; number++) {
    const tail = number === 0 ? "" : `_${number}`;
    const candidate = `${stem.slice(0, 8 - tail.length)}${tail}${isFolder ? "" : `.${extension};1`}`;
    if (!taken.has(candidate)) return candidate;
  }
  throw new FormatError(`${name}: its folder has too many like names`);
}

function folderContent(folder: Node, options: IsoOptions): Uint8Array {
  const records = [
    record(folder, "\0", options, folder.parent === undefined),
    record(folder.parent ?? folder, "\x01", options, false),
    ...folder.children.map((child) => record(child, child.isoName, options, false)),
  ];
  const sectors: Uint8Array[] = [new Uint8Array(ISO_SECTOR)];
  let at = 0;
  for (const bytes of records) {
    // A record never crosses the border of two sectors.
    if (at + bytes.length > ISO_SECTOR) {
      sectors.push(new Uint8Array(ISO_SECTOR));
      at = 0;
    }
    sectors.at(-1)!.set(bytes, at);
    at += bytes.length;
  }
  const whole = new Uint8Array(sectors.length * ISO_SECTOR);
  sectors.forEach((bytes, index) => whole.set(bytes, index * ISO_SECTOR));
  return whole;
}

/** A directory record (§9.1), with what Rock Ridge adds. */
function record(node: Node, isoName: string, options: IsoOptions, isFirst: boolean): Uint8Array {
  const { entry } = node;
  const isSelf = isoName === "\0" || isoName === "\x01";
  const nameField = isoName.length + (isoName.length % 2 === 0 ? 1 : 0);
  const additions = rockRidge(node, isSelf, isFirst);
  const length = 33 + nameField + additions.length;
  if (length > RECORD_MAX)
    throw new FormatError(
      `${entry.path}: its name${entry.kind === "symlink" ? " and target are" : " is"} too long for an ISO image`,
    );
  const bytes = new Uint8Array(length + (length % 2));
  const view = viewOf(bytes);
  bytes[0] = bytes.length;
  both32(view, 2, node.sector);
  both32(view, 10, node.size);
  bytes.set(shortTime(options.time), 18);
  bytes[25] = entry.kind === "directory" ? 2 : 0;
  both16(view, 28, 1);
  bytes[32] = isoName.length;
  bytes.set(byteStringOf(isoName), 33);
  bytes.set(additions, 33 + nameField);
  return bytes;
}

function rockRidge(node: Node, isSelf: boolean, isFirst: boolean): Uint8Array {
  const { entry } = node;
  const parts: number[] = [];
  const add = (signature: string, body: readonly number[]): void =>
    void parts.push(signature.charCodeAt(0), signature.charCodeAt(1), body.length + 4, 1, ...body);
  const twice = (value: number): number[] => {
    const bytes = new Uint8Array(8);
    both32(viewOf(bytes), 0, value);
    return [...bytes];
  };
  if (isFirst) add("SP", [0xbe, 0xef, 0]);
  const type = entry.kind === "directory" ? 0x4000 : entry.kind === "symlink" ? 0xa000 : 0x8000;
  const links =
    entry.kind === "directory" ? 2 + node.children.filter((child) => child.entry.kind === "directory").length : 1;
  add("PX", [...twice(type | (entry.mode & 0o7777)), ...twice(links), ...twice(entry.uid), ...twice(entry.gid)]);
  if (!isSelf) add("NM", [0, ...byteStringOf(entry.path.slice(entry.path.lastIndexOf("/") + 1))]);
  if (entry.kind === "symlink") {
    const components: number[] = [];
    const names = entry.target.split("/");
    names.forEach((name, index) => {
      if (name === "" && index === 0) components.push(8, 0);
      else if (name === ".") components.push(2, 0);
      else if (name === "..") components.push(4, 0);
      else if (name !== "") components.push(0, name.length, ...byteStringOf(name));
    });
    add("SL", [0, ...components]);
  }
  // Says that all this is Rock Ridge; texts that nobody reads are left empty.
  if (isFirst) add("ER", [10, 0, 0, 1, ...byteStringOf("RRIP_1991A")]);
  return Uint8Array.from(parts);
}

function pathRecordSize(folder: Node): number {
  const length = Math.max(1, folder.isoName.length);
  return 8 + length + (length % 2);
}

function pathTable(folders: readonly Node[], size: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(size / ISO_SECTOR) * ISO_SECTOR);
  const view = viewOf(bytes);
  let at = 0;
  for (const folder of folders) {
    const name = folder.isoName === "" ? "\0" : folder.isoName;
    bytes[at] = name.length;
    view.setUint32(at + 2, folder.sector, littleEndian);
    view.setUint16(at + 6, folder.parent?.number ?? 1, littleEndian);
    bytes.set(byteStringOf(name), at + 8);
    at += pathRecordSize(folder);
  }
  return bytes;
}

function primaryDescriptor(fields: {
  root: Node;
  total: number;
  tableSize: number;
  littleTable: number;
  bigTable: number;
  options: IsoOptions;
}): Uint8Array {
  const { root, total, tableSize, littleTable, bigTable, options } = fields;
  const bytes = descriptor(1);
  const view = viewOf(bytes);
  const text = (at: number, length: number, value: string): void => bytes.set(byteStringOf(value.padEnd(length)), at);
  text(8, 32, "LINUX");
  text(40, 32, options.volumeId);
  both32(view, 80, total);
  both16(view, 120, 1);
  both16(view, 124, 1);
  both16(view, 128, ISO_SECTOR);
  both32(view, 132, tableSize);
  view.setUint32(140, littleTable, true);
  view.setUint32(148, bigTable);
  const rootRecord = record(root, "\0", options, false).subarray(0, 34);
  bytes.set(rootRecord, 156);
  bytes[156] = 34;
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text(at, length, at === 574 ? "STRATOS" : "");
  const time = longTime(options.time);
  for (const at of [813, 830]) bytes.set(time, at);
  for (const at of [847, 864]) bytes.set(byteStringOf("0".repeat(16)), at);
  bytes[881] = 1;
  return bytes;
}

function bootRecord(): Uint8Array {
  const bytes = descriptor(0);
  bytes.set(byteStringOf("EL TORITO SPECIFICATION"), 7);
  viewOf(bytes).setUint32(71, 19, true);
  return bytes;
}

function terminator(): Uint8Array {
  return descriptor(255);
}

function descriptor(type: number): Uint8Array {
  const bytes = new Uint8Array(ISO_SECTOR);
  bytes[0] = type;
  bytes.set(byteStringOf("CD001"), 1);
  bytes[6] = 1;
  return bytes;
}

/** Validation entry, the default entry, then a section for UEFI (El Torito §2). */
function bootCatalog(files: ReadonlyMap<string, Node>, options: IsoOptions): Uint8Array {
  const bytes = new Uint8Array(ISO_SECTOR);
  const view = viewOf(bytes);
  const { biosImage, efiImage } = options;
  if (biosImage === undefined && efiImage === undefined) return bytes;
  bytes[0] = 1;
  // The platform of the default entry: 0 for BIOS, 0xef for UEFI.
  bytes[1] = biosImage === undefined ? 0xef : 0;
  bytes[30] = 0x55;
  bytes[31] = 0xaa;
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true);
  view.setUint16(28, (0x10000 - (sum & 0xffff)) & 0xffff, true);
  const entry = (at: number, node: Node, sectors: number): void => {
    bytes[at] = 0x88;
    view.setUint16(at + 6, sectors, true);
    view.setUint32(at + 8, node.sector, true);
  };
  // In sectors of 512; what does not fit is said as 0, and firmware reads on.
  const whole = (node: Node): number => (node.size / 512 > 0xffff ? 0 : Math.ceil(node.size / 512));
  if (biosImage === undefined) entry(32, fileNode(files, efiImage!), whole(fileNode(files, efiImage!)));
  else {
    entry(32, fileNode(files, biosImage), 4);
    if (efiImage !== undefined) {
      bytes[64] = 0x91;
      bytes[65] = 0xef;
      view.setUint16(66, 1, true);
      entry(96, fileNode(files, efiImage), whole(fileNode(files, efiImage)));
    }
  }
  return bytes;
}

function fileNode(files: ReadonlyMap<string, Node>, path: string): Node {
  const node = files.get(path);
  if (node === undefined) throw new FormatError(`${path}: is not in the tree, and was to start the image`);
  return node;
}

/**
 * The table at byte 8 of isolinux.bin: where the volume's descriptor and the file itself lie, and the file's checksum.
 */
function writeBootInformation(disk: Disk, node: Node): void {
  const bytes = readBytes(disk, node.sector * ISO_SECTOR, node.size);
  const view = viewOf(bytes);
  let sum = 0;
  for (let at = 64; at + 4 <= bytes.length; at += 4) sum = (sum + view.getUint32(at, true)) >>> 0;
  const table = new Uint8Array(56);
  const fields = viewOf(table);
  [16, node.sector, node.size, sum].forEach((value, index) => fields.setUint32(index * 4, value, true));
  disk.write(node.sector * ISO_SECTOR + 8, table);
}

function copyFile(disk: Disk, node: Node, buffer: Uint8Array): void {
  const content = node.entry.content!;
  for (let offset = 0; offset < node.size;) {
    const count = content.read(offset, buffer.subarray(0, Math.min(buffer.length, node.size - offset)));
    if (count <= 0) throw new FormatError(`${node.entry.path}: its content is shorter than its size says`);
    disk.write(node.sector * ISO_SECTOR + offset, buffer.subarray(0, count));
    offset += count;
  }
}

function both32(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value);
}

function both16(view: DataView, at: number, value: number): void {
  view.setUint16(at, value, true);
  view.setUint16(at + 2, value);
}

/** Seven bytes (§9.1.5). */
function shortTime(seconds: number): Uint8Array {
  const { year, month, day, hour, minute, second } = civilTime(seconds);
  return Uint8Array.of(Math.min(255, Math.max(0, year - 1900)), month, day, hour, minute, second, 0);
}

/** Sixteen digits and an offset from UTC (§8.4.26.1). */
function longTime(seconds: number): Uint8Array {
  const { year, month, day, hour, minute, second } = civilTime(seconds);
  const digits = [month, day, hour, minute, second, 0].map((value) => String(value).padStart(2, "0")).join("");
  return byteStringOf(`${String(year).padStart(4, "0")}${digits}\0`);
}
