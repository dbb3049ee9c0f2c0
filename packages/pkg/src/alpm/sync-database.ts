/**
 * A repository's database: a tar archive (gzip, zstd, xz or plain) with a folder `NAME-VERSION` for each package, in it
 * `desc` and, in `.files` databases, `files`. Read here, and written as repo-add(8) writes it.
 */
import { byteStringOf, concatBytes } from "@stratos/base";
import { TarType, tarEnd, tarEntry, tarHeader, tarPadding, visitTar, type TarEntry } from "@stratos/formats";
import { DescError, formatDesc, parseDesc, type DescFields } from "./desc.ts";
import { entryName, numberOf, packageOfDesc, type SyncPackage } from "./alpm-package.ts";
import type { Compression, Decompress } from "../ports.ts";

/** The largest repository's `.files` database unpacks to some 500 MB. */
const DATABASE_SIZE_MAX = 2 ** 30;

/** How `bytes` are packed, by their first bytes. */
export function compressionOf(bytes: Uint8Array): Compression {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return "zstd";
  if (bytes[0] === 0xfd && bytes[1] === 0x37 && bytes[2] === 0x7a && bytes[3] === 0x58) return "xz";
  return "none";
}

/** One repository's packages. */
export class SyncDatabase {
  readonly repository: string;
  readonly packages: readonly SyncPackage[];
  /** package name → paths, when the database was a `.files` one */
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly #byName: ReadonlyMap<string, SyncPackage>;
  #replacers: readonly SyncPackage[] | undefined;

  constructor(
    repository: string,
    packages: readonly SyncPackage[],
    files: ReadonlyMap<string, readonly string[]> = new Map(),
  ) {
    this.repository = repository;
    // pacman offers providers and members of groups by name.
    this.packages = [...packages].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
    this.files = files;
    this.#byName = new Map(packages.map((one) => [one.name, one]));
  }

  /** Those that replace others. */
  get replacers(): readonly SyncPackage[] {
    return (this.#replacers ??= this.packages.filter((one) => one.replaces.length > 0));
  }

  get(name: string): SyncPackage | undefined {
    return this.#byName.get(name);
  }

  group(name: string): SyncPackage[] {
    return this.packages.filter((one) => one.groups.includes(name));
  }
}

/** @throws DescError  damaged or malformed */
export async function readSyncDatabase(
  repository: string,
  bytes: Uint8Array,
  tools: { decompress: Decompress; latin1(bytes: Uint8Array): string },
): Promise<SyncDatabase> {
  let tar: Uint8Array;
  try {
    tar = await tools.decompress(compressionOf(bytes), bytes, DATABASE_SIZE_MAX);
  } catch (cause) {
    throw new DescError(
      `${repository}: the database cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const entries = new Map<string, DescFields>();
  // All at once, which hosts do much faster than entry by entry.
  const text = tools.latin1(tar);
  readTar(tar, repository, (entry, content) => {
    const match = /^(?:\.\/)?([^/]+)\/(desc|files|depends)$/.exec(entry.path);
    if (match === null || entry.type !== TarType.file) return;
    const fields = entries.get(match[1]!) ?? new Map<string, string[]>();
    const start = content.length === 0 ? 0 : content.byteOffset - tar.byteOffset;
    entries.set(match[1]!, parseDesc(text.slice(start, start + content.length), `${repository}: ${match[1]!}`, fields));
  });
  const packages: SyncPackage[] = [];
  const files = new Map<string, readonly string[]>();
  for (const [folder, fields] of entries) {
    const one = syncPackageOf(fields, repository, folder);
    packages.push(one);
    const paths = fields.get("FILES");
    if (paths !== undefined) files.set(one.name, paths);
  }
  return new SyncDatabase(repository, packages, files);
}

function syncPackageOf(fields: DescFields, repository: string, folder: string): SyncPackage {
  const one = (field: string): string => fields.get(field)?.[0] ?? "";
  const described = packageOfDesc(fields, `${repository}: ${folder}`);
  if (entryName(described) !== folder)
    throw new DescError(`${repository}: ${folder}: describes ${described.name} ${described.version}`);
  const fileName = one("FILENAME");
  // It becomes part of a URL and of a path in the cache.
  if (!/^[A-Za-z0-9@_+][^/\s\0]{0,250}$/.test(fileName))
    throw new DescError(`${repository}: ${folder}: not a file name: "${fileName.slice(0, 60)}"`);
  return {
    ...described,
    repository,
    fileName,
    downloadSize: numberOf(one("CSIZE")),
    sha256: one("SHA256SUM"),
    md5: one("MD5SUM"),
    signature: one("PGPSIG"),
  };
}

/** What is said of a package in a database that we write. */
export interface DatabaseEntry {
  package: SyncPackage;
  /** paths, directories with a final slash; for the `.files` database */
  files: readonly string[];
}

/** The database as a plain tar, to be compressed by the caller. Nothing depends on the clock. */
export function writeSyncDatabase(
  entries: readonly DatabaseEntry[],
  options: { withFiles: boolean; mtime: number },
): Uint8Array {
  const parts: Uint8Array[] = [];
  const sorted = [...entries].sort((one, other) => (entryName(one.package) < entryName(other.package) ? -1 : 1));
  for (const entry of sorted) {
    const folder = entryName(entry.package);
    parts.push(tarHeader(tarEntry(folder, TarType.directory, { mtime: options.mtime })));
    const add = (name: string, text: string): void => {
      const content = byteStringOf(text);
      parts.push(
        tarHeader(tarEntry(`${folder}/${name}`, TarType.file, { size: content.length, mtime: options.mtime })),
        content,
        new Uint8Array(tarPadding(content.length)),
      );
    };
    add("desc", formatDesc(syncFields(entry.package)));
    if (options.withFiles) add("files", formatDesc([["FILES", entry.files]]));
  }
  parts.push(tarEnd());
  return concatBytes(parts);
}

function syncFields(one: SyncPackage): [string, readonly string[]][] {
  const single = (text: string): string[] => (text === "" ? [] : [text]);
  return [
    ["FILENAME", [one.fileName]],
    ["NAME", [one.name]],
    ["BASE", single(one.base)],
    ["VERSION", [one.version]],
    ["DESC", single(one.description)],
    ["GROUPS", one.groups],
    ["CSIZE", [String(one.downloadSize)]],
    ["ISIZE", [String(one.installedSize)]],
    ["MD5SUM", single(one.md5)],
    ["SHA256SUM", single(one.sha256)],
    ["PGPSIG", single(one.signature)],
    ["URL", single(one.url)],
    ["LICENSE", one.licenses],
    ["ARCH", single(one.architecture)],
    ["BUILDDATE", single(String(one.buildDate))],
    ["PACKAGER", single(one.packager)],
    ["REPLACES", one.replaces],
    ["CONFLICTS", one.conflicts],
    ["PROVIDES", one.provides],
    ["DEPENDS", one.depends],
    ["OPTDEPENDS", one.optionalDepends],
    ["MAKEDEPENDS", one.makeDepends],
    ["CHECKDEPENDS", one.checkDepends],
  ];
}

/** Walks a tar archive in memory; each content is a view of `tar`. @throws DescError  damaged */
export function readTar(tar: Uint8Array, name: string, visit: (entry: TarEntry, content: Uint8Array) => void): void {
  const error = visitTar(tar, visit);
  if (error !== undefined) throw new DescError(`${name}: damaged (tar: ${error})`);
}
