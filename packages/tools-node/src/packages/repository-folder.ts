/**
 * A repository of packages in a folder, as apt reads it over HTTP or from a disk:
 *
 *     conf/repository.json     settings
 *     conf/pool.json           what is known of the pool's packages (pool-index.ts); may be removed
 *     pool/COMPONENT/…         packages
 *     dists/SUITE/…            signed lists (archive-index.ts)
 *     dists/CODENAME           leads to it: clients may ask by either name
 *
 * The pool is the truth: lists are made of what stands in it. New lists appear under their hashes first and the signed
 * list at the end, by renames, so that a client sees the old state or the new one; lists of the state before are kept
 * until the next.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import {
  archiveFiles,
  checkSettings,
  debFileName,
  debProblems,
  DebError,
  openDeb,
  parseRelease,
  poolPath,
  ReleaseError,
  signRelease,
  publicHalf,
  type ArchiveSettings,
  type PackagePorts,
  type PoolEntry,
  type Release,
} from "@stratos/pkg";
import { readWhole, replaceFile } from "@stratos/host-node/files";
import { isSameFile, PoolIndex } from "./pool-index.ts";

const CONFIGURATION = "conf/repository.json";
const POOL_INDEX = "conf/pool.json";

export class RepositoryFolder {
  readonly folder: string;
  readonly settings: ArchiveSettings;

  /** @throws ReleaseError  it is no repository */
  constructor(folder: string) {
    this.folder = folder;
    let text: string;
    try {
      text = readFileSync(join(folder, CONFIGURATION), "utf8");
    } catch (cause) {
      throw new ReleaseError(`${folder}: is no repository of Stratos; \`stratos pkg repo init\` makes one`, { cause });
    }
    try {
      const { suite, codename, origin, label, description, architectures, components, validDays } = JSON.parse(
        text,
      ) as ArchiveSettings;
      this.settings = { suite, codename, origin, label, description, architectures, components, validDays };
      checkSettings(this.settings);
    } catch (cause) {
      throw new ReleaseError(`${join(folder, CONFIGURATION)}: ${(cause as Error).message}`, { cause });
    }
  }

  /** @throws ReleaseError  there is a repository already */
  static create(folder: string, settings: ArchiveSettings): RepositoryFolder {
    checkSettings(settings);
    const path = join(folder, CONFIGURATION);
    if (statSync(path, { throwIfNoEntry: false }) !== undefined)
      throw new ReleaseError(`${folder}: is a repository already`);
    for (const name of ["conf", "pool", `dists/${settings.suite}`]) mkdirSync(join(folder, name), { recursive: true });
    writeWhole(path, Buffer.from(`${JSON.stringify(settings, null, 2)}\n`));
    return new RepositoryFolder(folder);
  }

  /**
   * Puts a package into the pool; the same one again changes nothing.
   *
   * @returns its path below the repository
   * @throws DebError  it is damaged, or another file of that name is there
   */
  async add(file: string, component: string, ports: PackagePorts): Promise<string> {
    if (!this.settings.components.includes(component))
      throw new ReleaseError(`${component}: the repository has only ${this.settings.components.join(", ")}`);
    if (statSync(file).isDirectory())
      throw new DebError(`${file}: is a folder; \`stratos pkg deb build\` makes a package of one`);
    const archive = await openDeb(readWhole(file), file, ports);
    const problems = await debProblems(archive, ports);
    if (problems.length > 0) throw new DebError(`${file}: ${problems.slice(0, 3).join("; ")}`);
    const architecture = archive.control.get("Architecture") ?? "";
    if (architecture !== "all" && !this.settings.architectures.includes(architecture))
      throw new DebError(
        `${file}: is for ${architecture}, and the repository for ${this.settings.architectures.join(", ")}`,
      );
    const path = poolPath(archive.control, component, debFileName(archive.control));
    const place = join(this.folder, path);
    const there = statSync(place, { throwIfNoEntry: false });
    if (there !== undefined && !isSameFile(place, file))
      throw new DebError(`${file}: the repository holds another ${path}; a changed package needs a new version`);
    if (there === undefined) copyWhole(file, place);
    return path;
  }

  /** Takes packages out of the pool; the lists forget them when they are made anew. @returns their paths */
  async remove(name: string, version: string | undefined, ports: PackagePorts): Promise<string[]> {
    const gone = (await this.pool(ports)).filter(
      ({ control }) => control.get("Package") === name && (version === undefined || control.get("Version") === version),
    );
    for (const { filename } of gone) rmSync(join(this.folder, filename));
    return gone.map(({ filename }) => filename);
  }

  /** All packages of the pool. */
  async pool(ports: PackagePorts): Promise<PoolEntry[]> {
    const entries: PoolEntry[] = [],
      index = new PoolIndex(join(this.folder, POOL_INDEX));
    for (const component of this.settings.components) {
      for (const path of filesBelow(join(this.folder, "pool", component))) {
        if (!path.endsWith(".deb")) continue;
        entries.push(await index.read(path, { component, filename: relative(this.folder, path) }, ports));
      }
    }
    const changed = index.changed();
    if (changed !== undefined) tryToKeep(join(this.folder, POOL_INDEX), changed);
    return entries;
  }

  /**
   * Makes the lists and signs them.
   *
   * @param privateKey  armored
   * @returns how many packages are listed, and who signed
   */
  async sign(privateKey: string, ports: PackagePorts): Promise<{ packages: number; fingerprint: string }> {
    const before = this.#releaseBefore();
    // HTTP tells times in seconds: a list that is made within the second of the last one must still be seen to be
    // newer. The signature is of now all the same: one that is made in the future holds for nobody.
    const signedAt = Math.floor(ports.nowSeconds());
    const now = Math.max(signedAt, (before?.dateSeconds ?? 0) + 1);
    const pool = await this.pool(ports);
    const files = archiveFiles(this.settings, pool, now, {
      hasher: ports.hasher,
      gzip: (bytes) => gzipSync(bytes, { level: 9 }),
    });
    const release = files.pop()!;
    const { inRelease, detached } = await signRelease(
      release.bytes.length === 0 ? "" : Buffer.from(release.bytes).toString("utf8"),
      privateKey,
      signedAt,
    );
    const { fingerprint, binary } = await publicHalf(privateKey);
    const dists = join(this.folder, "dists", this.settings.suite);
    const kept = new Set([
      ...files.map((file) => file.path),
      ...[...(before?.files ?? [])].map(([path, { sha256 }]) => `${dirname(path)}/by-hash/SHA256/${sha256}`),
    ]);
    for (const file of files) writeWhole(join(dists, file.path), file.bytes);
    this.#linkCodename();
    writeWhole(join(this.folder, "archive-key.gpg"), binary);
    writeWhole(join(dists, "Release"), release.bytes, now);
    writeWhole(join(dists, "Release.gpg"), Buffer.from(detached), now);
    writeWhole(join(dists, "InRelease"), Buffer.from(inRelease), now);
    for (const path of filesBelow(dists)) {
      const own = relative(dists, path);
      if (own.includes("/by-hash/") && !kept.has(own)) rmSync(path);
    }
    return { packages: pool.length, fingerprint };
  }

  #linkCodename(): void {
    const { suite, codename } = this.settings,
      path = join(this.folder, "dists", codename);
    if (codename === suite || codename === "" || lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
    symlinkSync(suite, path);
  }

  /** The list that is in use until now. */
  #releaseBefore(): Release | undefined {
    try {
      return parseRelease(readFileSync(join(this.folder, "dists", this.settings.suite, "Release"), "latin1"));
    } catch {
      return undefined; // There was none, or none that a client could have used.
    }
  }
}

/** Who may only read the repository reads its packages each time. */
function tryToKeep(path: string, text: string): void {
  try {
    writeWhole(path, Buffer.from(text));
  } catch (error) {
    if (!["EACCES", "EROFS", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** The same of a file, whatever its size. */
function copyWhole(file: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new-${randomBytes(4).toString("hex")}`;
  try {
    copyFileSync(file, temporary);
    const fd = openSync(temporary, "r+");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Appears at once and whole. @param mtime  in seconds since 1970; else now */
function writeWhole(path: string, bytes: Uint8Array, mtime?: number): void {
  mkdirSync(dirname(path), { recursive: true });
  replaceFile(path, bytes, mtime === undefined ? {} : { mtime });
}

function filesBelow(folder: string): string[] {
  let names;
  try {
    names = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? filesBelow(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : [],
    );
}
