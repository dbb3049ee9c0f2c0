/**
 * A package file, `NAME-VERSION-ARCH.pkg.tar[.zst|.gz|.xz]`: a tar whose dot files at the top describe it (`.PKGINFO`,
 * `.MTREE`, `.BUILDINFO`, `.INSTALL`, `.CHANGELOG`) and whose other entries are its files. Read and written here.
 */
import { byteString, byteStringOf, concatBytes } from "@stratos/base";
import { TarType, tarEnd, tarEntry, tarHeader, tarPadding, type TarEntry } from "@stratos/formats";
import { DescError } from "./desc.ts";
import type { EntryFile } from "./local-database.ts";
import { formatMtree, type MtreeEntry } from "./mtree.ts";
import { formatPackageInfo, parsePackageInfo, type PackageInfo } from "./package-info.ts";
import { compressionOf, readTar } from "./sync-database.ts";
import type { Compression, Decompress, Hasher } from "../ports.ts";

/** What a single buffer holds bounds us; Arch's largest package unpacks to some 5 GB and is refused by name. */
const PACKAGE_SIZE_MAX = 2 ** 31;
const PATH_LENGTH_MAX = 4095;

export interface PackageFile {
  /** relative to the root, without slashes at its ends */
  path: string;
  entry: TarEntry;
  /** a view of the unpacked archive; empty for all but files */
  content: Uint8Array;
}

export interface PackageArchive {
  info: PackageInfo;
  files: PackageFile[];
  /** as it stands in the archive, compressed or not */
  mtree: EntryFile | undefined;
  install: EntryFile | undefined;
  changelog: EntryFile | undefined;
  buildInfo: string | undefined;
}

/**
 * Takes a package apart.
 *
 * @param name  for messages
 * @throws DescError  no package, a damaged one, or one with paths that lead elsewhere
 */
export async function openAlpmPackage(
  bytes: Uint8Array,
  name: string,
  decompress: Decompress,
): Promise<PackageArchive> {
  let tar: Uint8Array;
  try {
    tar = await decompress(compressionOf(bytes), bytes, PACKAGE_SIZE_MAX);
  } catch (cause) {
    throw new DescError(`${name}: cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const special = new Map<string, EntryFile>();
  const files: PackageFile[] = [];
  const seen = new Set<string>();
  readTar(tar, name, (entry, content) => {
    const path = entry.path.replace(/^(?:\.\/)+/, "");
    if (path === "" || path === ".") return;
    if (/^\.[^/]+$/.test(path)) {
      if (entry.type === TarType.file) special.set(path, { content, mtime: Math.floor(entry.mtime) });
      return;
    }
    checkPath(path, name);
    if (seen.has(path)) throw new DescError(`${name}: holds ${path} twice`);
    seen.add(path);
    files.push({ path, entry, content });
  });
  const text = special.get(".PKGINFO");
  if (text === undefined) throw new DescError(`${name}: not a package: it has no .PKGINFO`);
  const buildInfo = special.get(".BUILDINFO");
  return {
    info: parsePackageInfo(byteString(text.content), name),
    files,
    mtree: special.get(".MTREE"),
    install: special.get(".INSTALL"),
    changelog: special.get(".CHANGELOG"),
    buildInfo: buildInfo === undefined ? undefined : byteString(buildInfo.content),
  };
}

function checkPath(path: string, name: string): void {
  const isBad =
    path.startsWith("/") ||
    path.length > PATH_LENGTH_MAX ||
    path.includes("\n") ||
    path.split("/").some((part) => part === "" || part === "." || part === ".." || part.includes("\0"));
  if (isBad) throw new DescError(`${name}: holds a path that is none within a root: ${path.slice(0, 80)}`);
}

/** The paths as databases list them: sorted, directories with a final slash. */
export function listedPaths(files: readonly PackageFile[]): string[] {
  return files
    .map((file) => (file.entry.type === TarType.directory ? `${file.path}/` : file.path))
    .sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
}

/** A file of a package that is being made. */
export interface NewFile {
  path: string;
  entry: TarEntry;
  content: Uint8Array;
}

export interface NewPackage {
  info: PackageInfo;
  files: readonly NewFile[];
  /** text of the install scriptlet */
  install?: Uint8Array;
  /** lines of `.BUILDINFO` */
  buildInfo?: string;
}

interface PackingPorts {
  hasher(algorithm: "sha256" | "md5"): Hasher;
  compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * Makes a package file; the same input gives the same bytes.
 *
 * @throws DescError  a path that is none within a root, or two entries for one path
 */
export async function writeAlpmPackage(
  made: NewPackage,
  ports: PackingPorts,
  compression: Compression = "zstd",
): Promise<Uint8Array> {
  const mtime = made.info.buildDate;
  const special: [string, Uint8Array][] = [];
  if (made.buildInfo !== undefined) special.push([".BUILDINFO", byteStringOf(made.buildInfo)]);
  if (made.install !== undefined) special.push([".INSTALL", made.install]);
  special.push([".PKGINFO", byteStringOf(formatPackageInfo(made.info))]);
  const digest = (algorithm: "sha256" | "md5", content: Uint8Array): string => {
    const hasher = ports.hasher(algorithm);
    hasher.update(content);
    return hasher.hex();
  };
  const listing: MtreeEntry[] = special.map(([path, content]) => ({
    path,
    kind: "file",
    meta: { uid: 0, gid: 0, mode: 0o644, mtime },
    sizeBytes: content.length,
    md5: digest("md5", content),
    sha256: digest("sha256", content),
  }));
  const files = withLinksAfter([...made.files].sort((one, other) => (one.path < other.path ? -1 : 1)));
  const byPath = new Map<string, NewFile>();
  for (const file of files) {
    checkPath(file.path, made.info.name);
    if (byPath.has(file.path)) throw new DescError(`${made.info.name}: holds ${file.path} twice`);
    byPath.set(file.path, file);
    listing.push(...describe(file, byPath, digest));
  }
  special.push([".MTREE", await ports.compress("gzip", byteStringOf(formatMtree(listing)))]);
  special.sort(([one], [other]) => (one < other ? -1 : 1));
  const parts: Uint8Array[] = [];
  const add = (entry: TarEntry, content: Uint8Array): void => {
    parts.push(tarHeader(entry), content, new Uint8Array(tarPadding(content.length)));
  };
  for (const [path, content] of special)
    add(tarEntry(path, TarType.file, { size: content.length, mtime, uname: "root", gname: "root" }), content);
  for (const file of files)
    add(
      { ...file.entry, path: file.path, size: file.entry.type === TarType.file ? file.content.length : 0 },
      file.content,
    );
  parts.push(tarEnd());
  return ports.compress(compression, concatBytes(parts));
}

/**
 * Of the paths of one file, the first in order holds the content and the others lead to it, as an extractor needs it.
 */
function withLinksAfter(files: readonly NewFile[]): NewFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const firstOf = new Map<NewFile, NewFile>();
  return files.map((file) => {
    const original = file.entry.type === TarType.hardLink ? byPath.get(file.entry.linkPath) : file;
    if (original === undefined || (original.entry.type !== TarType.file && original.entry.type !== TarType.hardLink))
      return file;
    const first = firstOf.get(original);
    if (first !== undefined)
      return {
        ...file,
        entry: { ...original.entry, path: file.path, type: TarType.hardLink, size: 0, linkPath: first.path },
        content: new Uint8Array(0),
      };
    firstOf.set(original, file);
    return file === original
      ? file
      : { path: file.path, entry: { ...original.entry, path: file.path }, content: original.content };
  });
}

/** A hard link is listed as what it leads to; devices and fifos are not listed, as pacman does not check them. */
function describe(
  file: NewFile,
  byPath: ReadonlyMap<string, NewFile>,
  digest: (algorithm: "sha256" | "md5", content: Uint8Array) => string,
): MtreeEntry[] {
  const { entry } = file;
  const meta = { uid: entry.uid, gid: entry.gid, mode: entry.mode, mtime: entry.mtime };
  switch (entry.type) {
    case TarType.directory:
      return [{ path: file.path, kind: "directory", meta }];
    case TarType.symbolicLink:
      return [{ path: file.path, kind: "symlink", meta: { ...meta, mode: 0o777 }, target: entry.linkPath }];
    case TarType.file:
      return [
        {
          path: file.path,
          kind: "file",
          meta,
          sizeBytes: file.content.length,
          md5: digest("md5", file.content),
          sha256: digest("sha256", file.content),
        },
      ];
    case TarType.hardLink: {
      const original = byPath.get(entry.linkPath);
      if (original === undefined)
        throw new DescError(`${file.path}: is a link to ${entry.linkPath}, which does not come before it`);
      return describe({ ...original, path: file.path }, byPath, digest);
    }
    default:
      return [];
  }
}
