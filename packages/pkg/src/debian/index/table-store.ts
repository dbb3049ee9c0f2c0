/**
 * `Packages` files of a signed list, as tables. A table that has been made is kept under the hash of its list, with the
 * text behind it (`package-table.ts`); the list before it is then let go. Where the archive offers differences from
 * that one, they are fetched instead of the whole list (`pdiff.ts`).
 */
import { byteStringOf } from "@stratos/base";
import { download, IntegrityError, readVerified, type WantedFile } from "../../download.ts";
import { FetchError, type Compression, type PackagePorts, type RandomFile } from "../../ports.ts";
import { ComponentError, ReleaseError, UnlistedError, type Release } from "../release.ts";
import { listByPatches } from "./pdiff.ts";
import {
  buildPackageTable,
  PackageTable,
  PackageTableError,
  TABLE_HEADER_BYTES,
  tableHeader,
} from "./package-table.ts";

/** A Packages file of Debian is some 55 MB. */
const PACKAGES_SIZE_MAX = 512 << 20;

const COMPRESSIONS: readonly (readonly [suffix: string, compression: Compression])[] = [
  [".xz", "xz"],
  [".zst", "zstd"],
  [".gz", "gzip"],
  ["", "none"],
];

interface ListPlace {
  suiteUrl: string;
  component: string;
  architecture: string;
  /**
   * whether the list stands beside the release, as in flat repositories; component and architecture then only name it
   */
  isFlat?: boolean;
  /** `Sources`, which lists source packages; the architecture then only names it */
  isSources?: boolean;
  /** for messages */
  name: string;
  /** told when the list of last time is taken, as the new one cannot be had whole */
  onWarning?: (text: string) => void;
}

/**
 * The table of one `Packages` file, from the store or the net; where the net has not what the release lists, the one of
 * last time.
 *
 * @throws UnlistedError  the list is not in the release
 * @throws FetchError, IntegrityError, ControlError
 */
export async function loadTable(ports: PackagePorts, release: Release, place: ListPlace): Promise<PackageTable> {
  const kind = place.isSources === true ? "Sources" : "Packages";
  const name =
    place.isFlat === true
      ? kind
      : `${place.component}/${place.isSources === true ? "source" : `binary-${place.architecture}`}/${kind}`;
  for (const [suffix, compression] of COMPRESSIONS) {
    const listed =
      release.files.get(name + suffix) ?? (place.isFlat === true ? release.files.get(`./${name}${suffix}`) : undefined);
    if (listed === undefined) continue;
    const kept = openTable(ports, tablePath(listed.sha256));
    if (kept !== undefined) return kept;
    const held = await heldText(ports, place);
    const made =
      held === undefined
        ? undefined
        : await listByPatches({ ports, release, suiteUrl: place.suiteUrl, name, held, wholeBytes: listed.sizeBytes });
    if (made !== undefined) {
      const table = buildPackageTable(ports.latin1(made), place.name, place.isSources);
      await keep(ports, { place, table, text: made, sha256: listed.sha256, packedPath: undefined });
      return table;
    }
    const urls = [`${place.suiteUrl}/${name}${suffix}`];
    if (release.acquireByHash)
      urls.unshift(`${place.suiteUrl}/${name.slice(0, name.lastIndexOf("/") + 1)}by-hash/SHA256/${listed.sha256}`);
    const file: WantedFile = { urls, path: `lists/${listed.sha256}${suffix}`, ...listed };
    try {
      await download(ports, file, () => {});
    } catch (error) {
      if (!(error instanceof FetchError) && !(error instanceof IntegrityError)) throw error;
      // A mirror that is being renewed: the signed list is there already, and what it lists is not.
      const before = await lastTablePath(ports, place);
      const last = before === undefined ? undefined : openTable(ports, before);
      if (last === undefined) throw error;
      place.onWarning?.(`${error.message}; using the list of last time`);
      return last;
    }
    const packed = await readVerified(ports, file);
    if (packed === undefined) throw new ReleaseError(`${urls[0]}: vanished from the store`);
    const bytes = await unpack(ports, compression, packed, place.name);
    const table = buildPackageTable(ports.latin1(bytes), place.name, place.isSources);
    await keep(ports, { place, table, text: bytes, sha256: listed.sha256, packedPath: file.path });
    return table;
  }
  const { components } = release;
  if (place.isFlat !== true && components.length > 0 && !components.includes(place.component))
    throw new ComponentError(place.suiteUrl, place.component, components);
  throw new UnlistedError(`${place.suiteUrl}: lists no ${name}`);
}

async function unpack(
  ports: PackagePorts,
  compression: Compression,
  packed: Uint8Array,
  name: string,
): Promise<Uint8Array> {
  try {
    return await ports.decompress(compression, packed, PACKAGES_SIZE_MAX);
  } catch (cause) {
    throw new ReleaseError(
      `${name}: the list of packages cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

function tablePath(sha256: string): string {
  return `lists/${sha256}.table`;
}

async function keep(
  ports: PackagePorts,
  made: { place: ListPlace; table: PackageTable; text: Uint8Array; sha256: string; packedPath: string | undefined },
): Promise<void> {
  if (ports.store.random === undefined) return;
  const { table, text } = made;
  const whole = new Uint8Array(table.bytes.length + text.length);
  whole.set(table.bytes);
  whole.set(text, table.bytes.length);
  const current = currentPath(made.place);
  const before = await ports.store.read(current);
  await ports.store.write(tablePath(made.sha256), whole);
  await ports.store.write(
    current,
    byteStringOf(
      [...(made.packedPath === undefined ? [] : [made.packedPath]), tablePath(made.sha256)].join(" ") + "\n",
    ),
  );
  if (before === undefined) return;
  for (const path of ports.latin1(before).trimEnd().split(" ")) {
    if (/^lists\/[0-9a-f]{64}(\.[a-z]+)?$/.test(path) && path !== made.packedPath && path !== tablePath(made.sha256))
      await ports.store.remove(path);
  }
}

/** Where the names of the files stand that a list of last time is in. */
function currentPath({ suiteUrl, component, architecture }: ListPlace): string {
  const place = `${suiteUrl}/${component}/${architecture}`.replace(/^[a-z]+:\/\//, "");
  return `lists/${place.replace(/[^A-Za-z0-9.-]/g, "_")}.current`;
}

/** Where the table of last time stands. */
async function lastTablePath(ports: PackagePorts, place: ListPlace): Promise<string | undefined> {
  const current = await ports.store.read(currentPath(place));
  if (current === undefined) return undefined;
  const paths = ports.latin1(current).trimEnd().split(" ");
  return paths.find((one) => /^lists\/[0-9a-f]{64}\.table$/.test(one));
}

/** The text of the list of last time. */
async function heldText(ports: PackagePorts, place: ListPlace): Promise<Uint8Array | undefined> {
  const path = await lastTablePath(ports, place);
  const file = path === undefined ? undefined : ports.store.random?.(path);
  if (file === undefined) return undefined;
  try {
    const { tableBytes } = tableHeader(file.read(0, TABLE_HEADER_BYTES));
    return file.read(tableBytes, file.sizeBytes - tableBytes);
  } catch (error) {
    if (error instanceof PackageTableError) return undefined;
    throw error;
  } finally {
    file.close();
  }
}

/** A kept table; undefined when there is none that can be used. */
function openTable(ports: PackagePorts, path: string): PackageTable | undefined {
  const file = ports.store.random?.(path);
  if (file === undefined) return undefined;
  try {
    const header = tableHeader(file.read(0, TABLE_HEADER_BYTES));
    const { tableBytes } = header;
    if (tableBytes + header.textBytes !== file.sizeBytes) throw new PackageTableError("the table is cut short");
    return new PackageTable(file.read(0, tableBytes), new FileText(file, tableBytes, ports));
  } catch (error) {
    file.close();
    if (error instanceof PackageTableError) return undefined;
    throw error;
  }
}

/** The text behind a table. */
class FileText {
  readonly #file: RandomFile;
  readonly #offset: number;
  readonly #ports: PackagePorts;

  constructor(file: RandomFile, offset: number, ports: PackagePorts) {
    this.#file = file;
    this.#offset = offset;
    this.#ports = ports;
  }

  slice(start: number, end: number): string {
    return this.#ports.latin1(this.#file.read(this.#offset + start, end - start));
  }
}
