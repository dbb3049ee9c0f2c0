/**
 * A package taken apart once: its two archives, unpacked, in the store as `layers/XX/HASH.{control,data}` with their hashes in
 * `HASH.json`, which is written last. Files of a tree are places in the data archive, so nothing is copied until an output is written.
 */
import { byteStringOf } from "@stratos/base";
import { openDeb, parseControl, readTar, type ControlFile, type DebArchive, type Decompress } from "@stratos/pkg";
import { TarType } from "@stratos/formats";
import { readPackage } from "../gather/resolve-image.ts";
import type { LockedPackage } from "../gather/lock.ts";
import type { ComposePorts } from "../ports.ts";

export interface Layer {
  readonly package: LockedPackage;
  readonly archive: DebArchive;
  /** name of the data archive in the store */
  readonly pack: string;
}

interface LayerHashes { readonly format: 1; readonly control: { sizeBytes: number; sha256: string }; readonly data: { sizeBytes: number; sha256: string } }

export function layerPath(one: LockedPackage, kind: "control" | "data" | "json"): string {
  return `layers/${one.sha256.slice(0, 2)}/${one.sha256}.${kind}`;
}

/** @throws DebError, LockError */
export async function openLayer(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage): Promise<Layer> {
  const pack = layerPath(one, "data");
  const kept = await readKept(ports, one, true);
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
  const hashes: LayerHashes = { format: 1, control: describe(ports, control), data: describe(ports, archive.data) };
  await ports.store.write(layerPath(one, "control"), [control]);
  await ports.store.write(pack, [archive.data]);
  await ports.store.write(layerPath(one, "json"), [byteStringOf(JSON.stringify(hashes))]);
  return { package: one, archive, pack };
}

const NO_DATA = new Uint8Array(0);

/** What a package says of itself, without its files. */
export async function openControl(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage): Promise<Pick<DebArchive, "control" | "controlFiles">> {
  return (await readKept(ports, one, false)) ?? (await openLayer(ports, one)).archive;
}

async function readKept(ports: Pick<ComposePorts, "packages" | "store">, one: LockedPackage, needsData: boolean): Promise<DebArchive | undefined> {
  const described = await ports.store.read(layerPath(one, "json"));
  if (described === undefined) return undefined;
  const hashes = JSON.parse(ports.packages.latin1(described)) as LayerHashes;
  const control = await ports.store.read(layerPath(one, "control"));
  const data = needsData ? await ports.store.read(layerPath(one, "data")) : NO_DATA;
  // A store on a host that lost power may hold less than it says; the layer is then made anew.
  if (hashes.format !== 1 || control === undefined || data === undefined || !isSame(ports, control, hashes.control) || (needsData && !isSame(ports, data, hashes.data))) {
    await ports.store.remove(layerPath(one, "json"));
    return undefined;
  }
  const controlFiles: ControlFile[] = [];
  readTar(control, `${one.name}: control.tar`, (entry, content) => {
    const name = entry.path.replace(/^(\.\/)+/, "");
    if (entry.type === TarType.file && !name.includes("/") && name !== "") controlFiles.push({ name, mode: entry.mode, mtime: entry.mtime, content });
  });
  const text = ports.packages.latin1(controlFiles.find(({ name }) => name === "control")!.content);
  return { control: parseControl(text, `${one.name}: control`)[0]!, controlFiles, data };
}

function describe(ports: Pick<ComposePorts, "packages">, bytes: Uint8Array): { sizeBytes: number; sha256: string } {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(bytes);
  return { sizeBytes: bytes.length, sha256: hasher.hex() };
}

function isSame(ports: Pick<ComposePorts, "packages">, bytes: Uint8Array, hashes: { sizeBytes: number; sha256: string }): boolean {
  return bytes.length === hashes.sizeBytes && describe(ports, bytes).sha256 === hashes.sha256;
}
