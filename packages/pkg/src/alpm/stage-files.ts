/**
 * Puts the files of packages into a draft: what comes, what goes, whose file is whose, and what happens to
 * configuration files.
 *
 * A configuration file (`backup`) that was changed is never lost: on an upgrade the new one is laid beside it as
 * `.pacnew` when both changed, and on removal it is kept as `.pacsave`. Source: pacman(8), "HANDLING CONFIG FILES".
 */
import { TarType } from "@stratos/formats";
import type { RootMeta } from "../image/root-writer.ts";
import type { Hasher } from "../ports.ts";
import type { ChangeDraft } from "../root/root-change.ts";
import { placeOf } from "../root/root-paths.ts";
import type { AlpmListener } from "./events.ts";
import { matchesGlobList } from "./glob.ts";
import { makeParents, type BackupFile, type LocalDatabase, type LocalEntry } from "./local-database.ts";
import { listedPaths, type PackageArchive, type PackageFile } from "./package-archive.ts";

interface FileConflict {
  path: string;
  package: string;
  /** who has the file; undefined when nobody owns it */
  owner: string | undefined;
}

/** Files that are in the way. */
export class FileConflictError extends Error {
  override name = "FileConflictError";
  readonly conflicts: readonly FileConflict[];

  constructor(conflicts: readonly FileConflict[]) {
    super(
      "files are in the way:\n" +
        `${conflicts
          .map(
            ({ path, package: name, owner }) =>
              `  ${name}: /${path} ${owner === undefined ? "exists and belongs to no package" : `belongs to ${owner}`}`,
          )
          .join("\n")}`,
    );
    this.conflicts = conflicts;
  }
}

interface StageOptions {
  noUpgrade: readonly string[];
  noExtract: readonly string[];
  /** patterns of files that may be overwritten although they are in the way */
  overwrite: readonly string[];
  /** whether changed configuration files go too (`pacman -Rn`) */
  purge: boolean;
}

/** Paths that an operation touched, for hooks. */
export interface TouchedPaths {
  installed: string[];
  upgraded: string[];
  removed: string[];
}

export class FileStager {
  readonly #draft: ChangeDraft;
  readonly #hasher: (algorithm: "md5") => Hasher;
  readonly #listener: AlpmListener;
  readonly #options: StageOptions;
  /** place → package that has it now or will */
  readonly #owners = new Map<string, string>();
  readonly #folderUsers = new Map<string, Set<string>>();
  readonly #folderPlaces = new Map<string, string>();
  /** places taken from packages that come later in this transaction and may give them up */
  readonly #claims = new Map<string, FileConflict & { owner: string }>();
  readonly #conflicts: FileConflict[] = [];
  readonly touched: TouchedPaths = { installed: [], upgraded: [], removed: [] };

  /** @param upgraded  names that this transaction will bring anew */
  constructor(
    draft: ChangeDraft,
    database: LocalDatabase,
    tools: { hasher: (algorithm: "md5") => Hasher; listener: AlpmListener; options: StageOptions },
    upgraded: ReadonlySet<string>,
  ) {
    this.#draft = draft;
    this.#hasher = tools.hasher;
    this.#listener = tools.listener;
    this.#options = tools.options;
    this.#upgraded = upgraded;
    for (const entry of database.entries()) {
      for (const path of entry.files) {
        if (path.endsWith("/")) this.#useFolder(this.#place(path.slice(0, -1)), entry.package.name);
        else this.#owners.set(this.#place(path), entry.package.name);
      }
    }
  }

  readonly #upgraded: ReadonlySet<string>;

  /** Takes a package's files away. */
  remove(entry: LocalEntry): void {
    const { name } = entry.package;
    const backup = new Map(entry.backup.map((one) => [one.path, one.md5]));
    for (const path of entry.files.toReversed()) {
      if (path.endsWith("/")) {
        this.#releaseFolder(path.slice(0, -1), name);
        continue;
      }
      this.touched.removed.push(path);
      this.#removeFile(path, name, backup.get(path));
    }
  }

  /** Brings a package's files; `old` is the version that they replace. @returns the backup list for the database */
  async install(archive: PackageArchive, old: LocalEntry | undefined): Promise<BackupFile[]> {
    const { name } = archive.info;
    const backup = new Set(archive.info.backup);
    const hashes: BackupFile[] = [];
    const contents = new Map(archive.files.map((file) => [file.path, file]));
    const places = new Set<string>();
    const before = new Set(old?.files);
    for (const file of archive.files) {
      const isBackup = backup.has(file.path) && file.entry.type === TarType.file;
      if (isBackup) hashes.push({ path: file.path, md5: this.#md5(file.content) });
      if (matchesGlobList(this.#options.noExtract, file.path)) continue;
      const place = this.#place(file.path);
      places.add(place);
      if (file.entry.type === TarType.directory) {
        this.#installFolder(file, place, name);
        continue;
      }
      (before.has(file.path) ? this.touched.upgraded : this.touched.installed).push(file.path);
      if (!(await this.#mayTake(file, place, name, isBackup))) continue;
      this.#installFile(file, place, {
        contents,
        isBackup,
        oldHash: old?.backup.find((one) => one.path === file.path)?.md5,
      });
      this.#owners.set(place, name);
    }
    if (old !== undefined) this.#removeDropped(old, places);
    this.#settleClaims(name, places);
    return hashes;
  }

  /** @throws FileConflictError  something is in the way that nobody gave up */
  finish(): void {
    const left = [...this.#conflicts, ...this.#claims.values()];
    if (left.length > 0) throw new FileConflictError(left);
  }

  #installFolder(file: PackageFile, place: string, name: string): void {
    const node = this.#draft.look(place);
    this.#useFolder(place, name);
    // A link to a folder stands for the folder; what is there keeps its attributes.
    if (node?.kind === "directory" || node?.kind === "symlink") return;
    if (node !== undefined && this.#owners.get(place) !== name) {
      this.#conflicts.push({ path: file.path, package: name, owner: this.#owners.get(place) });
      return;
    }
    this.#parents(place);
    this.#draft.directory(place, metaOf(file));
    this.#folderPlaces.clear();
  }

  /** Whether the package may put a file at the place. */
  async #mayTake(file: PackageFile, place: string, name: string, isBackup: boolean): Promise<boolean> {
    const node = this.#draft.look(place);
    if (node === undefined) return true;
    const owner = this.#owners.get(place);
    if (node.kind === "directory") {
      // A folder whose content is all the package's own may become a file or a link.
      if (this.#belongsTo(place, name)) {
        this.#clear(place);
        return true;
      }
      this.#conflicts.push({ path: file.path, package: name, owner });
      return false;
    }
    if (owner === name || (owner === undefined && isBackup) || matchesGlobList(this.#options.overwrite, file.path))
      return true;
    const conflict: FileConflict = { path: file.path, package: name, owner };
    // Its owner may give it up in this very transaction; `settleClaims` sees whether it does.
    if (owner !== undefined && this.#upgraded.has(owner)) {
      this.#claims.set(place, { ...conflict, owner });
      return true;
    }
    if (await this.#listener.confirm({ kind: "overwrite", path: file.path, package: name, owner })) return true;
    this.#conflicts.push(conflict);
    return false;
  }

  /** Whether the folder and all in it are of no other package, and of nobody else. */
  #belongsTo(folder: string, name: string): boolean {
    const users = this.#folderUsers.get(folder);
    if (users === undefined || [...users].some((user) => user !== name)) return false;
    return this.#draft.list(folder).every((entry) => {
      const place = `${folder}/${entry}`;
      return this.#draft.look(place)?.kind === "directory"
        ? this.#belongsTo(place, name)
        : this.#owners.get(place) === name;
    });
  }

  #clear(folder: string): void {
    for (const entry of this.#draft.list(folder)) {
      const place = `${folder}/${entry}`;
      if (this.#draft.look(place)?.kind === "directory") this.#clear(place);
      else this.#draft.remove(place);
      this.#owners.delete(place);
    }
    this.#draft.removeDirectory(folder);
    this.#folderUsers.delete(folder);
    this.#folderPlaces.clear();
  }

  #installFile(
    file: PackageFile,
    place: string,
    how: { contents: ReadonlyMap<string, PackageFile>; isBackup: boolean; oldHash: string | undefined },
  ): void {
    const node = this.#draft.look(place);
    let target = place;
    if (node?.kind === "file" && how.isBackup) {
      const present = this.#md5(this.#draft.read(place)),
        coming = this.#md5(file.content);
      const isUntouched = present === how.oldHash;
      if (!isUntouched && present !== coming) {
        // Changed here; when the package's own did not change, there is nothing to tell.
        if (how.oldHash === coming) return;
        target = `${place}.pacnew`;
      }
    } else if (node !== undefined && matchesGlobList(this.#options.noUpgrade, file.path)) target = `${place}.pacnew`;
    if (target !== place) this.#listener.event({ kind: "saved", path: place, as: target });
    this.#parents(place);
    this.#write(file, target, how.contents);
  }

  #write(file: PackageFile, place: string, contents: ReadonlyMap<string, PackageFile>): void {
    const { entry } = file;
    const meta = metaOf(file);
    switch (entry.type) {
      case TarType.file:
        this.#draft.file(place, meta, file.content);
        return;
      case TarType.symbolicLink:
        this.#draft.symlink(place, meta, entry.linkPath);
        this.#folderPlaces.clear();
        return;
      case TarType.fifo:
        this.#draft.fifo(place, meta);
        return;
      case TarType.hardLink: {
        const original = this.#place(entry.linkPath.replace(/^(?:\.\/)+/, ""));
        // What it links to may have been laid elsewhere (.pacnew) or left out; then it has the content of its own.
        if (this.#draft.stagedPath(original) !== undefined && this.#draft.look(original) !== undefined)
          this.#draft.hardLink(place, original);
        else {
          const source = contents.get(entry.linkPath.replace(/^(?:\.\/)+/, ""));
          if (source === undefined || source.entry.type !== TarType.file)
            throw new Error(`/${file.path}: is a link to ${entry.linkPath}, which the package does not hold`);
          this.#draft.file(place, metaOf(source), source.content);
        }
        return;
      }
      case TarType.characterDevice:
      case TarType.blockDevice:
        this.#draft.device(place, meta, {
          kind: entry.type === TarType.blockDevice ? "block" : "character",
          major: entry.deviceMajor,
          minor: entry.deviceMinor,
        });
        return;
      case TarType.directory:
        return;
    }
  }

  /** What the old version had and the new one has not. */
  #removeDropped(old: LocalEntry, places: ReadonlySet<string>): void {
    const backup = new Map(old.backup.map((one) => [one.path, one.md5]));
    const { name } = old.package;
    for (const path of old.files.toReversed()) {
      const plain = path.replace(/\/$/, "");
      if (places.has(this.#place(plain))) continue;
      if (path.endsWith("/")) {
        this.#releaseFolder(plain, name);
        continue;
      }
      this.touched.removed.push(path);
      this.#removeFile(path, name, backup.get(path));
    }
  }

  #removeFile(path: string, name: string, installedHash: string | undefined): void {
    const place = this.#place(path);
    const claim = this.#claims.get(place);
    if (claim?.owner === name) {
      this.#claims.delete(place);
      return;
    }
    if (this.#owners.get(place) !== name) return;
    this.#owners.delete(place);
    const node = this.#draft.look(place);
    if (node === undefined || node.kind === "directory") return;
    const isChanged =
      installedHash !== undefined && node.kind === "file" && this.#md5(this.#draft.read(place)) !== installedHash;
    if (isChanged && !this.#options.purge) this.#save(place);
    this.#draft.remove(place);
  }

  /** Keeps a changed configuration file as `.pacsave`; earlier ones get numbers. */
  #save(place: string): void {
    const saved = `${place}.pacsave`;
    if (this.#draft.look(saved) !== undefined) {
      let number = 1;
      while (this.#draft.look(`${saved}.${number}`) !== undefined) number++;
      this.#draft.keep(`${saved}.${number}`, this.#draft.stagedPath(saved) ?? saved);
    }
    this.#draft.keep(saved, this.#draft.stagedPath(place) ?? place);
    this.#listener.event({ kind: "saved", path: place, as: saved });
  }

  #settleClaims(name: string, places: ReadonlySet<string>): void {
    for (const [place, claim] of this.#claims) {
      if (claim.owner !== name) continue;
      this.#claims.delete(place);
      if (places.has(place)) this.#conflicts.push(claim);
    }
  }

  #useFolder(place: string, name: string): void {
    const users = this.#folderUsers.get(place);
    if (users === undefined) this.#folderUsers.set(place, new Set([name]));
    else users.add(name);
  }

  #releaseFolder(path: string, name: string): void {
    const place = this.#place(path);
    const users = this.#folderUsers.get(place);
    users?.delete(name);
    if (users === undefined || users.size === 0) this.#draft.removeDirectory(place);
  }

  #parents(place: string): void {
    const slash = place.lastIndexOf("/");
    if (slash > 0) makeParents(this.#draft, place.slice(0, slash));
  }

  /** As `placeOf`, with the folders remembered: a package has many files in few folders. */
  #place(path: string): string {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return placeOf((one) => this.#draft.look(one), path);
    const folder = path.slice(0, slash);
    let known = this.#folderPlaces.get(folder);
    if (known === undefined) {
      const inner = placeOf((one) => this.#draft.look(one), `${folder}/x`);
      known = inner === "x" ? "" : inner.slice(0, -2);
      this.#folderPlaces.set(folder, known);
    }
    return known === "" ? path.slice(slash + 1) : `${known}/${path.slice(slash + 1)}`;
  }

  #md5(content: Uint8Array): string {
    const hasher = this.#hasher("md5");
    hasher.update(content);
    return hasher.hex();
  }
}

function metaOf(file: PackageFile): RootMeta {
  const { uid, gid, mode, mtime, xattrs } = file.entry;
  return { uid, gid, mode, mtime: Math.floor(mtime), ...(xattrs.size === 0 ? {} : { xattrs }) };
}

/** The list for the database. */
export function ownedPaths(archive: PackageArchive): string[] {
  return listedPaths(archive.files);
}
