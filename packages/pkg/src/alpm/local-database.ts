/**
 * What is installed: `local/NAME-VERSION/{desc,files,mtree,install,changelog}` under the database folder, as pacman
 * keeps it. Reading is from a root in use; entries are written through whoever changes the root.
 */
import { byteString, byteStringOf } from "@stratos/base";
import type { RootMeta } from "../image/root-writer.ts";
import type { RootFiles, RootNode } from "../root/root-files.ts";
import { entryName, numberOf, packageOfDesc, type InstalledPackage } from "./alpm-package.ts";
import { DescError, formatDesc, parseDesc, type DescFields } from "./desc.ts";

/** The version of the format, which pacman looks for: `local/ALPM_DB_VERSION`. */
const FORMAT_VERSION = "9";
const FILE_META: RootMeta = { uid: 0, gid: 0, mode: 0o644, mtime: 0 };
const FOLDER_META: RootMeta = { uid: 0, gid: 0, mode: 0o755, mtime: 0 };

export interface BackupFile {
  path: string;
  md5: string;
}

/** An installed package with the files it owns. */
export interface LocalEntry {
  package: InstalledPackage;
  /** paths, directories with a final slash */
  files: readonly string[];
  /** configuration files with the hash that they were installed with */
  backup: readonly BackupFile[];
}

/** Where entries are written: a root, or the draft of a change to it. */
interface EntryWriter {
  look(path: string): RootNode | undefined;
  directory(path: string, meta: RootMeta): void;
  file(path: string, meta: RootMeta, content: Uint8Array): void;
  remove(path: string): void;
  removeDirectory(path: string): void;
}

export class LocalDatabase {
  readonly #files: RootFiles;
  /** relative to the root: `var/lib/pacman` */
  readonly folder: string;
  readonly #entries = new Map<string, LocalEntry>();

  /** @throws DescError  an entry is damaged or of another format */
  constructor(files: RootFiles, folder: string) {
    this.#files = files;
    this.folder = folder;
    const version = this.#text(`${folder}/local/ALPM_DB_VERSION`);
    if (version !== undefined && version.trim() !== FORMAT_VERSION)
      throw new DescError(`/${folder}/local: is of format ${version.trim().slice(0, 20)}, not ${FORMAT_VERSION}`);
    for (const name of files.list(`${folder}/local`)) {
      if (files.look(`${folder}/local/${name}`)?.kind !== "directory") continue;
      const entry = this.#readEntry(name);
      if (this.#entries.has(entry.package.name))
        throw new DescError(`/${folder}/local: ${entry.package.name} is installed twice`);
      this.#entries.set(entry.package.name, entry);
    }
  }

  get(name: string): LocalEntry | undefined {
    return this.#entries.get(name);
  }

  /** All that is installed, by name. */
  entries(): LocalEntry[] {
    return [...this.#entries.values()];
  }

  packages(): InstalledPackage[] {
    return this.entries().map((entry) => entry.package);
  }

  /** The install scriptlet's path relative to the root, when the package has one. */
  scriptletPath(name: string): string | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const path = `${this.folder}/local/${entryName(entry.package)}/install`;
    return this.#files.look(path) === undefined ? undefined : path;
  }

  mtree(name: string): Uint8Array | undefined {
    return this.extras(name).mtree?.content;
  }

  /** The files of an entry besides `desc` and `files`. */
  extras(name: string): EntryExtras {
    const entry = this.#entries.get(name);
    const file = (own: string): EntryFile | undefined => {
      const path = entry === undefined ? "" : `${this.folder}/local/${entryName(entry.package)}/${own}`;
      const node = path === "" ? undefined : this.#files.look(path);
      return node?.kind === "file" ? { content: this.#files.read(path), mtime: node.meta.mtime } : undefined;
    };
    return { mtree: file("mtree"), install: file("install"), changelog: file("changelog") };
  }

  #readEntry(name: string): LocalEntry {
    const where = `/${this.folder}/local/${name}`;
    const desc = this.#text(`${this.folder}/local/${name}/desc`);
    if (desc === undefined || desc === "")
      throw new DescError(`${where}: has no desc; was an installation interrupted?`);
    const fields = parseDesc(desc, where);
    const files = this.#text(`${this.folder}/local/${name}/files`);
    if (files !== undefined) parseDesc(files, where, fields);
    const described = packageOfDesc(fields, where);
    if (entryName(described) !== name)
      throw new DescError(`${where}: describes ${described.name} ${described.version}`);
    return {
      package: {
        ...described,
        installDate: numberOf(fields.get("INSTALLDATE")?.[0] ?? ""),
        reason: fields.get("REASON")?.[0] === "1" ? "dependency" : "explicit",
        validation: fields.get("VALIDATION") ?? ["none"],
      },
      files: fields.get("FILES") ?? [],
      backup: backupOf(fields),
    };
  }

  #text(path: string): string | undefined {
    return this.#files.look(path)?.kind === "file" ? byteString(this.#files.read(path)) : undefined;
  }
}

function backupOf(fields: DescFields): BackupFile[] {
  return (fields.get("BACKUP") ?? []).map((line) => {
    const tab = line.lastIndexOf("\t");
    return tab < 0 ? { path: line, md5: "" } : { path: line.slice(0, tab), md5: line.slice(tab + 1) };
  });
}

/** A file of an entry that the package brought; its time is the package's, which `pacman -Qkk` compares. */
export interface EntryFile {
  content: Uint8Array;
  mtime: number;
}

interface EntryExtras {
  mtree?: EntryFile | undefined;
  install?: EntryFile | undefined;
  changelog?: EntryFile | undefined;
}

/** Writes the entry of a package; the folder and the format's mark are made when they are missing. */
export function writeLocalEntry(writer: EntryWriter, folder: string, entry: LocalEntry, extras: EntryExtras): void {
  makeParents(writer, `${folder}/local`);
  if (writer.look(`${folder}/local/ALPM_DB_VERSION`) === undefined)
    writer.file(`${folder}/local/ALPM_DB_VERSION`, FILE_META, byteStringOf(`${FORMAT_VERSION}\n`));
  const own = `${folder}/local/${entryName(entry.package)}`;
  if (writer.look(own) === undefined) writer.directory(own, FOLDER_META);
  const put = (name: string, file: EntryFile | undefined): void => {
    if (file !== undefined) writer.file(`${own}/${name}`, { ...FILE_META, mtime: file.mtime }, file.content);
    else if (writer.look(`${own}/${name}`) !== undefined) writer.remove(`${own}/${name}`);
  };
  const text = (fields: [string, readonly string[]][]): EntryFile => ({
    content: byteStringOf(formatDesc(fields)),
    mtime: entry.package.installDate,
  });
  put("desc", text(localFields(entry.package)));
  put(
    "files",
    text([
      ["FILES", entry.files],
      ["BACKUP", entry.backup.map(({ path, md5 }) => `${path}\t${md5}`)],
    ]),
  );
  put("mtree", extras.mtree);
  put("install", extras.install);
  put("changelog", extras.changelog);
}

export function removeLocalEntry(writer: EntryWriter, folder: string, one: InstalledPackage): void {
  const own = `${folder}/local/${entryName(one)}`;
  for (const name of ["desc", "files", "mtree", "install", "changelog"])
    if (writer.look(`${own}/${name}`) !== undefined) writer.remove(`${own}/${name}`);
  writer.removeDirectory(own);
}

/** The order and the names are pacman's. */
function localFields(one: InstalledPackage): [string, readonly string[]][] {
  const single = (text: string): string[] => (text === "" ? [] : [text]);
  return [
    ["NAME", [one.name]],
    ["VERSION", [one.version]],
    ["BASE", single(one.base)],
    ["DESC", single(one.description)],
    ["URL", single(one.url)],
    ["ARCH", single(one.architecture)],
    ["BUILDDATE", [String(one.buildDate)]],
    ["INSTALLDATE", [String(one.installDate)]],
    ["PACKAGER", single(one.packager)],
    ["SIZE", [String(one.installedSize)]],
    ["REASON", one.reason === "dependency" ? ["1"] : []],
    ["GROUPS", one.groups],
    ["LICENSE", one.licenses],
    ["VALIDATION", one.validation],
    ["REPLACES", one.replaces],
    ["DEPENDS", one.depends],
    ["OPTDEPENDS", one.optionalDepends],
    ["CONFLICTS", one.conflicts],
    ["PROVIDES", one.provides],
    ["XDATA", one.extraData],
  ];
}

export function makeParents(writer: Pick<EntryWriter, "look" | "directory">, path: string): void {
  let at = "";
  for (const name of path.split("/")) {
    at = at === "" ? name : `${at}/${name}`;
    if (writer.look(at) === undefined) writer.directory(at, FOLDER_META);
  }
}
