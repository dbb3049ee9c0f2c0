/**
 * A package taken apart once, in the store as `layers/XX/HASH`: its data archive, unpacked, then its control archive, then a description
 * in JSON with the hashes of both, then the length of that in eight digits. Files of a tree are places in the data archive, which
 * begins the file, so nothing is copied until an output is written.
 */
import { byteStringOf } from "@stratos/base";
import { openDeb, parseControl, readTar, type ControlFile, type DebArchive, type Decompress, type PackagePorts } from "@stratos/pkg";
import { TarType } from "@stratos/formats";
import { readPackage } from "../gather/resolve-image.ts";
import type { LockedPackage } from "../gather/lock.ts";
import type { ComposePorts, Pack } from "../ports.ts";

export interface Layer {
  readonly package: LockedPackage;
  readonly archive: DebArchive;
  /** name of the data archive in the store */
  readonly pack: string;
}

interface LayerHashes { readonly format: 1; readonly data: { sizeBytes: number; sha256: string }; readonly control: { sizeBytes: number; sha256: string } }

const LENGTH_DIGITS = 8;

export function layerPath(one: LockedPackage): string {
  return `layers/${one.sha256.slice(0, 2)}/${one.sha256}`;
}

/** @throws DebError, LockError */
export async function openLayer(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage): Promise<Layer> {
  const pack = layerPath(one);
  const kept = readKept(ports, one, true);
  if (kept !== undefined) return { package: one, archive: kept, pack };
  // What the decompressor gives is kept, and what `openDeb` makes of it returned.
  const unpacked: Uint8Array[] = [];
  const decompress: Decompress = async (compression, bytes, sizeMax) => {
    const plain = await ports.packages.decompress(compression, bytes, sizeMax);
    unpacked.push(plain);
    return plain;
  };
  const archive = await openDeb(await readPackage(ports.packages, one), `${one.name} ${one.version}`, { decompress, latin1: ports.packages.latin1 });
  const control = unpacked.find((bytes) => bytes !== archive.data);
  if (control === undefined) return { package: one, archive, pack };
  const hashes: LayerHashes = { format: 1, data: describe(ports, archive.data), control: describe(ports, control) };
  const description = JSON.stringify(hashes);
  await ports.store.write(pack, [archive.data, control, byteStringOf(description + String(description.length).padStart(LENGTH_DIGITS, "0"))]);
  return { package: one, archive, pack };
}

const NO_DATA = new Uint8Array(0);

/** What a package says of itself, without its files. */
export async function openControl(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage): Promise<Pick<DebArchive, "control" | "controlFiles">> {
  return readKept(ports, one, false) ?? (await openLayer(ports, one)).archive;
}

function readKept(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage, needsData: boolean): DebArchive | undefined {
  const pack = ports.store.open(layerPath(one));
  const hashes = pack === undefined ? undefined : readHashes(ports, pack);
  if (pack === undefined || hashes === undefined) return undefined;
  const control = readPart(pack, hashes.data.sizeBytes, hashes.control.sizeBytes);
  const data = needsData ? readPart(pack, 0, hashes.data.sizeBytes) : NO_DATA;
  // A store on a host that lost power may hold less than it says; the layer is then made anew.
  if (!isSame(ports, control, hashes.control) || (needsData && !isSame(ports, data, hashes.data))) return undefined;
  const controlFiles: ControlFile[] = [];
  readTar(control, `${one.name}: control.tar`, (entry, content) => {
    const name = entry.path.replace(/^(\.\/)+/, "");
    if (entry.type === TarType.file && !name.includes("/") && name !== "") controlFiles.push({ name, mode: entry.mode, mtime: entry.mtime, content });
  });
  const text = ports.packages.latin1(controlFiles.find(({ name }) => name === "control")!.content);
  return { control: parseControl(text, `${one.name}: control`)[0]!, controlFiles, data };
}

function readHashes(ports: { readonly packages: Pick<PackagePorts, "latin1"> }, pack: Pack): LayerHashes | undefined {
  const length = Number(ports.packages.latin1(readPart(pack, pack.sizeBytes - LENGTH_DIGITS, LENGTH_DIGITS)));
  if (!Number.isInteger(length) || length <= 0 || length > DESCRIPTION_SIZE_MAX) return undefined;
  try {
    const hashes = JSON.parse(ports.packages.latin1(readPart(pack, pack.sizeBytes - LENGTH_DIGITS - length, length))) as LayerHashes;
    return hashes.format === 1 && hashes.data.sizeBytes + hashes.control.sizeBytes + length + LENGTH_DIGITS === pack.sizeBytes ? hashes : undefined;
  } catch {
    return undefined;
  }
}

const DESCRIPTION_SIZE_MAX = 4096;

function readPart(pack: Pack, offset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return offset < 0 ? NO_DATA : bytes.subarray(0, pack.read(offset, bytes));
}

/** Whether a layer's data is what was taken apart. */
export function isSoundLayer(ports: { readonly packages: Pick<PackagePorts, "latin1" | "hasher"> }, pack: Pack): boolean {
  const hashes = readHashes(ports, pack);
  return hashes !== undefined && isSame(ports, readPart(pack, 0, hashes.data.sizeBytes), hashes.data);
}

function describe(ports: { readonly packages: Pick<PackagePorts, "hasher"> }, bytes: Uint8Array): { sizeBytes: number; sha256: string } {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(bytes);
  return { sizeBytes: bytes.length, sha256: hasher.hex() };
}

function isSame(ports: { readonly packages: Pick<PackagePorts, "hasher"> }, bytes: Uint8Array, hashes: { sizeBytes: number; sha256: string }): boolean {
  return bytes.length === hashes.sizeBytes && describe(ports, bytes).sha256 === hashes.sha256;
}
