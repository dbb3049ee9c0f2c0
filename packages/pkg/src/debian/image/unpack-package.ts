/**
 * Puts one package's files into a root, with dpkg's rules for what is there already: a directory stays as it is, a file
 * of another package yields only to a package that replaces it. Source: dpkg src/main/archives.c, `tarobject`.
 */
import { byteString } from "@stratos/base";
import { TarType, type TarEntry } from "@stratos/formats";
import { DebError, visitDataFiles, type DebArchive } from "../deb-archive.ts";
import { acceptsVersion, parseDependencies } from "../dependency.ts";
import type { Hasher } from "../../ports.ts";
import { infoName, parseConffiles, type UnpackedPackage } from "./dpkg-database.ts";
import type { RootMeta } from "../../root/root-writer.ts";
import { RootTree, RootTreeError } from "../../root/root-tree.ts";

export interface UnpackTools {
  /**
   * where a file of the package goes whose path another package has diverted (dpkg-divert(1)); paths are without their
   * leading slash
   */
  divert?(path: string, name: string): string;
  /** packages' preinst scripts run only when all is unpacked, by `configureScript`, and with them what they divert */
  areDiversionsToCome?: boolean;
  /** whether an entry is listed as the package's and not unpacked (dpkg(1), `--path-exclude`) */
  isLeftOut?(entry: TarEntry): boolean;
  hasher(algorithm: "md5"): Hasher;
  latin1(bytes: Uint8Array): string;
}

type VisitEntry = (entry: TarEntry, content: Uint8Array) => void;
/** Calls `visit` for each entry of a package's data archive, in order. */
export type VisitEntries = (visit: VisitEntry) => void;

/**
 * Unpacks `archive` into `tree`.
 *
 * @param installed  packages unpacked before, by `infoName`; a file that is taken over leaves its former owner's list
 * @throws DebError, RootTreeError
 */
export async function unpackPackage(
  tree: RootTree,
  archive: DebArchive,
  installed: ReadonlyMap<string, UnpackedPackage>,
  tools: UnpackTools,
): Promise<UnpackedPackage> {
  const { unpacked, visit } = beginUnpack(tree, archive, installed, tools);
  await visitDataFiles(archive, unpacked.name, visit);
  return unpacked;
}

/**
 * The same from entries that somebody else has read. Of files that have a hash in `md5sums`, and are no configuration,
 * content is only handed on.
 */
export function unpackEntries(
  tree: RootTree,
  archive: Pick<DebArchive, "control" | "controlFiles">,
  visitEntries: VisitEntries,
  installed: ReadonlyMap<string, UnpackedPackage>,
  tools: UnpackTools,
): UnpackedPackage {
  const { unpacked, visit } = beginUnpack(tree, archive, installed, tools);
  visitEntries(visit);
  return unpacked;
}

function beginUnpack(
  tree: RootTree,
  archive: Pick<DebArchive, "control" | "controlFiles">,
  installed: ReadonlyMap<string, UnpackedPackage>,
  tools: UnpackTools,
): { unpacked: UnpackedPackage; visit: VisitEntry } {
  const { control } = archive;
  const name = control.get("Package") ?? "",
    architecture = control.get("Architecture") ?? "";
  const bringsHashes = archive.controlFiles.some((file) => file.name === "md5sums");
  const unpacked: UnpackedPackage = {
    name,
    architecture,
    archive: { control, controlFiles: archive.controlFiles },
    paths: new Set(["/."]),
    conffiles: parseConffiles(archive.controlFiles, tools.latin1),
    md5sums: bringsHashes ? undefined : new Map(),
    setAside: new Map(),
  };
  const key = infoName(unpacked);
  const divert = (path: string): string => unpacked.setAside.get(path) ?? tools.divert?.(path, name) ?? path;
  /** by path; of a file that was left out, the first link that stays is the file */
  const leftOut = new Map<string, { entry: TarEntry; content: Uint8Array } | { at: string } | undefined>();
  const visit: VisitEntry = (entry, content) => {
    const path = relativePath(entry.path, name);
    if (path === "") return;
    if (tools.isLeftOut?.(entry) === true) {
      unpacked.paths.add(`/${path}`);
      leftOut.set(
        path,
        entry.type === TarType.hardLink ? leftOut.get(relativePath(entry.linkPath, name)) : { entry, content },
      );
      return;
    }
    try {
      place(path, entry, content);
    } catch (error) {
      if (error instanceof RootTreeError) throw new RootTreeError(`${name}: ${error.message}`, { cause: error });
      throw error;
    }
  };
  return { unpacked, visit };

  function place(path: string, entry: TarEntry, content: Uint8Array): void {
    let at = tree.place(entry.type === TarType.directory ? path : divert(path));
    const meta: RootMeta = {
      uid: entry.uid,
      gid: entry.gid,
      mode: entry.mode,
      mtime: entry.mtime,
      ...(entry.xattrs.size > 0 ? { xattrs: entry.xattrs } : {}),
    };
    if (entry.type === TarType.directory) {
      tree.directory(at, meta, key);
      unpacked.paths.add(`/${path}`);
      return;
    }
    if (tree.isDirectory(at)) {
      // A link onto a directory that is there (`/lib` → `usr/lib`) changes nothing when it leads to it.
      if (entry.type === TarType.symbolicLink) {
        unpacked.paths.add(`/${path}`);
        return;
      }
      throw new RootTreeError(`/${at}: is a directory`);
    }
    const owner = tree.ownerOf(at);
    if (owner !== undefined) {
      if (sharesFile(installed.get(owner), unpacked)) {
        if (entry.type === TarType.file) keepHash(path, content);
        unpacked.paths.add(`/${path}`);
        return;
      }
      if (!makeWay(at, path, owner)) return;
      at = tree.place(divert(path));
    }
    switch (entry.type) {
      case TarType.file: {
        tree.file(at, meta, content, key);
        keepHash(path, content);
        break;
      }
      case TarType.symbolicLink:
        tree.symlink(at, meta, entry.linkPath, key);
        break;
      case TarType.hardLink: {
        const linked = relativePath(entry.linkPath, name),
          file = leftOut.get(linked);
        if (file === undefined) tree.hardLink(at, tree.place(divert(linked)), key);
        else if ("at" in file) tree.hardLink(at, file.at, key);
        else {
          leftOut.set(linked, { at });
          return place(path, { ...file.entry, path: entry.path }, file.content);
        }
        break;
      }
      case TarType.characterDevice:
        tree.device(at, meta, { kind: "character", major: entry.deviceMajor, minor: entry.deviceMinor }, key);
        break;
      case TarType.blockDevice:
        tree.device(at, meta, { kind: "block", major: entry.deviceMajor, minor: entry.deviceMinor }, key);
        break;
      case TarType.fifo:
        tree.fifo(at, meta, key);
        break;
    }
    unpacked.paths.add(`/${path}`);
  }

  function keepHash(path: string, content: Uint8Array): void {
    const isConffile = unpacked.conffiles.has(`/${path}`);
    if (!isConffile && unpacked.md5sums === undefined) return;
    const hasher = tools.hasher("md5");
    hasher.update(content);
    (isConffile ? unpacked.conffiles : unpacked.md5sums!).set(`/${path}`, hasher.hex());
  }

  /** Whether the file has its place; if so, the one of package `owner` is gone from there, or this one stands aside. */
  function makeWay(at: string, path: string, owner: string): boolean {
    const other = installed.get(owner);
    if (owner !== "" && owner !== key) {
      if (other === undefined || !replaces(control.get("Replaces"), other)) {
        if (other !== undefined && replaces(other.archive.control.get("Replaces"), unpacked)) return false;
        if (other !== undefined && tools.areDiversionsToCome === true && setAside(at, path, other)) return true;
        throw new DebError(`${name}: /${path} is also in package ${owner}, which it does not replace`);
      }
      other.paths.delete(`/${path}`);
      other.conffiles.delete(`/${path}`);
      other.md5sums?.delete(`/${path}`);
    }
    tree.remove(at);
    return true;
  }

  /** Where one of two packages may divert the path, the file of the other one goes out of its way. */
  function setAside(at: string, path: string, other: UnpackedPackage): boolean {
    const place = `${at}${SET_ASIDE}`;
    if (tree.ownerOf(place) !== undefined) return false;
    if (mayDivert(unpacked)) {
      tree.hardLink(place, at, infoName(other));
      tree.remove(at);
      other.setAside.set(path, place);
    } else if (mayDivert(other)) unpacked.setAside.set(path, place);
    else return false;
    return true;
  }
}

/**
 * Where a file stands until its package's or another's preinst has told where it is diverted to (dpkg-divert(1)). dpkg
 * runs the script before it unpacks; here there may be no shell yet that could. Whether it does divert is seen then.
 */
const SET_ASIDE = ".stratos-diverted";

/**
 * Whether a package is there for another architecture as well: files that both have are the same, and belong to both.
 * Source: the multiarch specification; dpkg lib/dpkg/pkg.c, pkgset and its reference count.
 */
function sharesFile(other: UnpackedPackage | undefined, one: UnpackedPackage): boolean {
  return other !== undefined && other.name === one.name && other.architecture !== one.architecture;
}

/** Whether a package's preinst may divert files of others. */
function mayDivert({ archive }: Pick<UnpackedPackage, "archive">): boolean {
  const preinst = archive.controlFiles.find(({ name }) => name === "preinst");
  return preinst !== undefined && byteString(preinst.content).includes("dpkg-divert");
}

function replaces(field: string | undefined, other: Pick<UnpackedPackage, "name" | "archive">): boolean {
  if (field === undefined) return false;
  const version = other.archive.control.get("Version") ?? "";
  return parseDependencies(field).some(([one]) => one!.name === other.name && acceptsVersion(one!, version));
}

/** `./usr/bin/x` as `usr/bin/x`. */
function relativePath(path: string, name: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new DebError(`${name}: a path that leads upwards: ${path}`);
  return parts.join("/");
}
