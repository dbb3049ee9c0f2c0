/**
 * A package taken apart once, in the store as `layers/XX/HASH`:
 *
 *     data.tar, unpacked │ control.tar, unpacked │ index │ description │ length of the description in eight digits
 *
 * The index is JSON, a row for each entry of data.tar with the place and hash of its content; the description says how
 * long the parts are, and the hashes of control.tar and the index. All strings are byte strings, one byte for each
 * character. Files of a tree are places in the data archive, which begins the file, so nothing is copied, nor read,
 * until an output is written.
 */
import { byteStringOf } from "@stratos/base";
import {
  DebError,
  openDeb,
  parseControl,
  readTar,
  requireIdentity,
  type ControlFile,
  type DebArchive,
  type Decompress,
  type Hasher,
  type VisitEntries,
} from "@stratos/pkg";
import { tarEntry, TarReader, TarType, type TarEntry, type TarError } from "@stratos/formats";
import { readPackage } from "../gather/resolve-image.ts";
import type { LockedPackage } from "../gather/lock.ts";
import type { ComposePorts, Pack } from "../ports.ts";
import { hashPack, isSoundFile, noteWritten, type StorePorts } from "./soundness.ts";

export interface Layer {
  readonly package: LockedPackage;
  readonly archive: Pick<DebArchive, "control" | "controlFiles">;
  /** name of the file in the store */
  readonly pack: string;
  readonly rows: readonly LayerRow[];
}

type LayerRow = readonly [
  path: string,
  type: TarType,
  mode: number,
  uid: number,
  gid: number,
  mtime: number,
  linkPath: string,
  offset: number,
  sizeBytes: number,
  digest: string,
  deviceMajor?: number,
  deviceMinor?: number,
  xattrs?: readonly (readonly [string, string])[],
];

interface Part {
  readonly sizeBytes: number;
  readonly sha256: string;
}
interface Description {
  readonly format: 3;
  readonly dataBytes: number;
  readonly control: Part;
  readonly index: Part;
}
type LayerPorts = Pick<ComposePorts, "packages" | "store">;
type ReadPorts = Pick<StorePorts, "packages">;

const LENGTH_DIGITS = 8;
const DESCRIPTION_SIZE_MAX = 4096;

export function layerPath(one: LockedPackage): string {
  return `layers/${one.sha256.slice(0, 2)}/${one.sha256}`;
}

/** @throws DebError, LockError */
export async function openLayer(ports: LayerPorts, one: LockedPackage): Promise<Layer> {
  const pack = layerPath(one);
  const kept = readKept(ports, one);
  if (kept !== undefined && isSoundLayer(ports, pack)) return kept;
  // What the decompressor gives is kept, and what `openDeb` makes of it returned.
  const unpacked: Uint8Array[] = [];
  const decompress: Decompress = async (compression, bytes, sizeMax) => {
    const plain = await ports.packages.decompress(compression, bytes, sizeMax);
    unpacked.push(plain);
    return plain;
  };
  const archive = await openDeb(await readPackage(ports.packages, one), `${one.name} ${one.version}`, {
    decompress,
    unpack: ports.packages.unpack,
    latin1: ports.packages.latin1,
  });
  requireIdentity(archive.control, one);
  // Archives that were stored as they are, without a compression, are decompressed by nobody.
  const control = unpacked.find((bytes) => bytes !== archive.data) ?? NO_BYTES;
  const rows: LayerRow[] = [],
    tail = (dataBytes: number): Uint8Array[] => {
      const index = byteStringOf(JSON.stringify(rows));
      const description = JSON.stringify({
        format: 3,
        dataBytes,
        control: describe(ports, control),
        index: describe(ports, index),
      } satisfies Description);
      return [control, index, byteStringOf(description + String(description.length).padStart(LENGTH_DIGITS, "0"))];
    };
  if (archive.stream === undefined) {
    new RowReader(ports, one, rows).push(archive.data).finish();
    await ports.store.write(pack, [archive.data, ...tail(archive.data.length)]);
  } else {
    const reader = new RowReader(ports, one, rows),
      { stream } = archive;
    await ports.store.write(
      pack,
      (async function* () {
        for await (const piece of stream()) {
          reader.push(piece);
          yield piece;
        }
        yield* tail(reader.finish());
      })(),
    );
  }
  noteWritten(ports, pack, "");
  // Its data is not held: whoever keeps many layers would keep all that their packages bring.
  return { package: one, archive: { control: archive.control, controlFiles: archive.controlFiles }, pack, rows };
}

const NO_BYTES = new Uint8Array(0);

/** Notes the entries of a data archive while it passes, with the place and hash of each file's content. */
class RowReader {
  readonly #ports: ReadPorts;
  readonly #name: string;
  readonly #reader: TarReader;
  /** bytes of the archive before the piece that is being read, and that piece */
  #before = 0;
  #piece: Uint8Array = NO_BYTES;
  #offset = 0;
  #hasher: Hasher | undefined;

  constructor(ports: ReadPorts, one: LockedPackage, rows: LayerRow[]) {
    this.#ports = ports;
    this.#name = one.name;
    let current: TarEntry | undefined,
      isEmpty = true;
    this.#reader = new TarReader({
      entry: (entry) => {
        current = entry;
        isEmpty = true;
        this.#offset = 0;
        this.#hasher = entry.type === TarType.file ? this.#ports.packages.hasher("sha256") : undefined;
      },
      data: (bytes) => {
        if (isEmpty) this.#offset = this.#before + bytes.byteOffset - this.#piece.byteOffset;
        isEmpty = false;
        this.#hasher?.update(bytes);
      },
      end: () => {
        rows.push(this.#row(current!));
      },
    });
  }

  push(piece: Uint8Array): this {
    this.#piece = piece;
    this.#refuse(this.#reader.push(piece));
    this.#before += piece.length;
    return this;
  }

  /** @returns bytes of the whole archive. @throws DebError */
  finish(): number {
    this.#refuse(this.#reader.finish());
    return this.#before;
  }

  #refuse(error: TarError | undefined): void {
    if (error !== undefined) throw new DebError(`${this.#name}: data.tar: damaged (tar: ${error})`);
  }

  #row({ path, type, mode, uid, gid, mtime, linkPath, size, deviceMajor, deviceMinor, xattrs }: TarEntry): LayerRow {
    const place = [this.#offset, type === TarType.file ? size : 0, this.#hasher?.hex() ?? ""] as const;
    const isPlain = deviceMajor === 0 && deviceMinor === 0 && xattrs.size === 0;
    return isPlain
      ? [path, type, mode, uid, gid, mtime, linkPath, ...place]
      : [path, type, mode, uid, gid, mtime, linkPath, ...place, deviceMajor, deviceMinor, [...xattrs]];
  }
}

/** The entries of data.tar. What a file holds is only read when `needs` says so; `content` stands for it until then. */
export function visitLayer(
  ports: LayerPorts,
  layer: Layer,
  needs: (path: string) => boolean,
  onFile: (content: Uint8Array, row: LayerRow) => void,
): VisitEntries {
  return (visit) => {
    for (const row of layer.rows) {
      const [
        path,
        type,
        mode,
        uid,
        gid,
        mtime,
        linkPath,
        offset,
        sizeBytes,
        ,
        deviceMajor = 0,
        deviceMinor = 0,
        xattrs = [],
      ] = row;
      let content: Uint8Array = NO_BYTES;
      if (type === TarType.file) {
        content = needs(path) ? readPart(ports.store.open(layer.pack)!, offset, sizeBytes) : new Uint8Array(0);
        onFile(content, row);
      }
      visit(
        tarEntry(path, type, {
          mode,
          uid,
          gid,
          mtime,
          linkPath,
          size: sizeBytes,
          deviceMajor,
          deviceMinor,
          xattrs: new Map(xattrs),
        }),
        content,
      );
    }
  };
}

/** What a package says of itself, without its files. */
export async function openControl(ports: LayerPorts, one: LockedPackage): Promise<Layer["archive"]> {
  const kept = openKept(ports, one);
  return (kept === undefined ? undefined : readControl(ports, one, kept)) ?? (await openLayer(ports, one)).archive;
}

interface KeptLayer {
  readonly pack: Pack;
  readonly description: Description;
}

function openKept(ports: LayerPorts, one: LockedPackage): KeptLayer | undefined {
  const pack = ports.store.open(layerPath(one));
  const description = pack === undefined ? undefined : readDescription(ports, pack);
  return pack === undefined || description === undefined ? undefined : { pack, description };
}

/** Without its data, which `isSoundLayer` looks at. */
function readKept(ports: LayerPorts, one: LockedPackage): Layer | undefined {
  const kept = openKept(ports, one);
  if (kept === undefined) return undefined;
  const archive = readControl(ports, one, kept),
    rows = readRows(ports, kept);
  return archive === undefined || rows === undefined
    ? undefined
    : { package: one, archive, pack: layerPath(one), rows };
}

/** undefined: a store on a host that lost power may hold less than it says; the layer is then made anew */
function readControl(
  ports: LayerPorts,
  one: LockedPackage,
  { pack, description: { dataBytes, control: part } }: KeptLayer,
): Layer["archive"] | undefined {
  const control = readPart(pack, dataBytes, part.sizeBytes);
  if (part.sizeBytes === 0 || !isSame(ports, control, part)) return undefined;
  const controlFiles: ControlFile[] = [];
  readTar(control, `${one.name}: control.tar`, (entry, content) => {
    const name = entry.path.replace(/^(\.\/)+/, "");
    if (entry.type === TarType.file && !name.includes("/") && name !== "")
      controlFiles.push({ name, mode: entry.mode, mtime: entry.mtime, content });
  });
  const text = ports.packages.latin1(controlFiles.find(({ name }) => name === "control")!.content);
  return { control: parseControl(text, `${one.name}: control`)[0]!, controlFiles };
}

function readRows(
  ports: ReadPorts,
  { pack, description: { dataBytes, control, index } }: KeptLayer,
): LayerRow[] | undefined {
  const bytes = readPart(pack, dataBytes + control.sizeBytes, index.sizeBytes);
  return isSame(ports, bytes, index) ? (JSON.parse(ports.packages.latin1(bytes)) as LayerRow[]) : undefined;
}

function readDescription(ports: ReadPorts, pack: Pack): Description | undefined {
  const length = Number(ports.packages.latin1(readPart(pack, pack.sizeBytes - LENGTH_DIGITS, LENGTH_DIGITS)));
  if (!Number.isInteger(length) || length <= 0 || length > DESCRIPTION_SIZE_MAX) return undefined;
  try {
    const description = JSON.parse(
      ports.packages.latin1(readPart(pack, pack.sizeBytes - LENGTH_DIGITS - length, length)),
    ) as Description;
    const { format, dataBytes, control, index } = description;
    return format === 3 && dataBytes + control.sizeBytes + index.sizeBytes + length + LENGTH_DIGITS === pack.sizeBytes
      ? description
      : undefined;
  } catch {
    return undefined;
  }
}

function readPart(pack: Pack, offset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return offset < 0 ? NO_BYTES : bytes.subarray(0, pack.read(offset, bytes));
}

/** Whether the layer at a path of the store holds what it says. */
export function isSoundLayer(ports: StorePorts, path: string): boolean {
  return isSoundFile(ports, path, "", () => {
    const pack = ports.store.open(path),
      description = pack === undefined ? undefined : readDescription(ports, pack);
    const rows = pack === undefined || description === undefined ? undefined : readRows(ports, { pack, description });
    return (
      rows !== undefined &&
      rows.every(
        ([, type, , , , , , offset, sizeBytes, digest]) =>
          type !== TarType.file || hashPack(ports, pack!, offset, sizeBytes) === digest,
      )
    );
  });
}

function hash(ports: ReadPorts, bytes: Uint8Array): string {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(bytes);
  return hasher.hex();
}

function describe(ports: ReadPorts, bytes: Uint8Array): Part {
  return { sizeBytes: bytes.length, sha256: hash(ports, bytes) };
}

function isSame(ports: ReadPorts, bytes: Uint8Array, part: Part): boolean {
  return bytes.length === part.sizeBytes && hash(ports, bytes) === part.sha256;
}
