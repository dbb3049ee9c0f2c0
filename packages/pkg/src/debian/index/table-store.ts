/**
 * `Packages` files of a signed list, as tables. A table that has been made is kept under the hash of its list, with the text
 * behind it (`package-table.ts`); the list before it is then let go.
 */
import { byteStringOf } from "@stratos/base";
import { download, readVerified, type WantedFile } from "../../download.ts";
import type { Compression, PackagePorts, RandomFile } from "../../ports.ts";
import { ReleaseError, type Release } from "../release.ts";
import { buildPackageTable, PackageTable, PackageTableError, TABLE_HEADER_BYTES, tableHeader } from "./package-table.ts";

/** A Packages file of Debian is some 55 MB. */
const PACKAGES_SIZE_MAX = 512 << 20;

const COMPRESSIONS: readonly (readonly [suffix: string, compression: Compression])[] = [[".xz", "xz"], [".zst", "zstd"], [".gz", "gzip"], ["", "none"]];

export interface ListPlace {
  suiteUrl: string;
  component: string;
  architecture: string;
  /** for messages */
  name: string;
}

/**
 * The table of one `Packages` file, from the store or the net.
 *
 * @throws ReleaseError  the list is not in the release
 * @throws FetchError, IntegrityError, ControlError
 */
export async function loadTable(ports: PackagePorts, release: Release, place: ListPlace): Promise<PackageTable> {
  const name = `${place.component}/binary-${place.architecture}/Packages`;
  for (const [suffix, compression] of COMPRESSIONS) {
    const listed = release.files.get(name + suffix);
    if (listed === undefined) continue;
    const kept = openTable(ports, tablePath(listed.sha256));
    if (kept !== undefined) return kept;
    const urls = [`${place.suiteUrl}/${name}${suffix}`];
    if (release.acquireByHash) urls.unshift(`${place.suiteUrl}/${name.slice(0, name.lastIndexOf("/"))}/by-hash/SHA256/${listed.sha256}`);
    const file: WantedFile = { urls, path: `lists/${listed.sha256}${suffix}`, ...listed };
    await download(ports, file, () => {});
    const packed = await readVerified(ports, file);
    if (packed === undefined) throw new ReleaseError(`${urls[0]}: vanished from the store`);
    const bytes = await ports.decompress(compression, packed, PACKAGES_SIZE_MAX);
    const table = buildPackageTable(ports.latin1(bytes), place.name);
    await keep(ports, { place, table, text: bytes, sha256: listed.sha256, packedPath: file.path });
    return table;
  }
  throw new ReleaseError(`${place.suiteUrl}: lists no ${name}`);
}

function tablePath(sha256: string): string {
  return `lists/${sha256}.table`;
}

async function keep(ports: PackagePorts, made: { place: ListPlace; table: PackageTable; text: Uint8Array; sha256: string; packedPath: string }): Promise<void> {
  if (ports.store.random === undefined) return;
  const { table, text } = made;
  const whole = new Uint8Array(table.bytes.length + text.length);
  whole.set(table.bytes);
  whole.set(text, table.bytes.length);
  const { suiteUrl, component, architecture } = made.place;
  const current = `lists/${`${suiteUrl}/${component}/${architecture}`.replace(/^[a-z]+:\/\//, "").replace(/[^A-Za-z0-9.-]/g, "_")}.current`;
  const before = await ports.store.read(current);
  await ports.store.write(tablePath(made.sha256), whole);
  await ports.store.write(current, byteStringOf(`${made.packedPath} ${tablePath(made.sha256)}\n`));
  if (before === undefined) return;
  for (const path of ports.latin1(before).trimEnd().split(" ")) {
    if (/^lists\/[0-9a-f]{64}(\.[a-z]+)?$/.test(path) && path !== made.packedPath && path !== tablePath(made.sha256)) await ports.store.remove(path);
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
