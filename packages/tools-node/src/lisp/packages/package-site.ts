/**
 * Packages that a user of this host has: below a folder, `site/` with the libraries, and `packages/NAME.json` for each
 * package, which is written last and removed last. Inside Stratos dpkg keeps the same in `/usr/share/astra/site`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { byteStringToUtf8 } from "@stratos/base";
import { TarType } from "@stratos/formats";
import { replaceFile } from "@stratos/host-node/files";
import { OperationError } from "@stratos/operation";
import {
  acceptsVersion,
  debProblems,
  openDeb,
  parseDependencies,
  visitDataFiles,
  type PackagePorts,
} from "@stratos/pkg";
import { installedLibraryFolder } from "../node-system.ts";
import { debianName, lispName } from "./package-description.ts";

/** Where a package has its libraries, in the system. */
export const SITE = "usr/share/astra/site";
/** Packages are texts. */
const FILES_MAX = 10_000;

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** As Debian's `Depends` says it. */
  readonly depends: string;
  /** Below the site, sorted. */
  readonly files: readonly string[];
}

export class PackageSite {
  readonly #site: string;
  readonly #records: string;

  constructor(site = installedLibraryFolder()) {
    this.#site = site;
    this.#records = join(dirname(site), "packages");
  }

  /** By name. */
  list(): InstalledPackage[] {
    if (!existsSync(this.#records)) return [];
    return readdirSync(this.#records)
      .filter((file) => file.endsWith(".json"))
      .sort()
      .map((file) => JSON.parse(readFileSync(join(this.#records, file), "utf8")) as InstalledPackage);
  }

  /**
   * Installs packages that may need each other, or brings them to another version.
   *
   * @param packages  file names, for messages, and contents
   * @throws OperationError  of kind packages: one is none of AstraLisp's, is damaged, needs what is not there, or has a
   *   library that another one has. Nothing is changed then.
   */
  async install(
    packages: readonly (readonly [string, Uint8Array])[],
    ports: PackagePorts,
  ): Promise<InstalledPackage[]> {
    const opened = [];
    for (const [file, bytes] of packages) opened.push(await openPackage(file, bytes, ports));
    const before = this.list();
    const after = new Map([...before, ...opened.map(({ record }) => record)].map((record) => [record.name, record]));
    checkNeeds([...after.values()]);
    checkFiles([...after.values()]);
    for (const { record, contents } of opened) {
      for (const [path, bytes] of contents) {
        mkdirSync(dirname(join(this.#site, path)), { recursive: true });
        replaceFile(join(this.#site, path), bytes);
      }
      mkdirSync(this.#records, { recursive: true });
      replaceFile(this.#recordOf(record.name), Buffer.from(`${JSON.stringify(record, null, 1)}\n`));
      const gone = before.find(({ name }) => name === record.name)?.files ?? [];
      this.#removeFiles(gone.filter((path) => !contents.has(path)));
    }
    return opened.map(({ record }) => record);
  }

  /** @throws OperationError  of kind packages: one is not there, or others need it */
  remove(names: readonly string[]): void {
    const all = this.list();
    const gone = names.map((name) => {
      const record = all.find((one) => one.name === name);
      if (record === undefined) throw new OperationError("packages", name, "is not installed");
      return record;
    });
    checkNeeds(all.filter(({ name }) => !names.includes(name)));
    for (const { name, files } of gone) {
      this.#removeFiles(files);
      rmSync(this.#recordOf(name));
    }
  }

  #recordOf(name: string): string {
    return join(this.#records, `${name}.json`);
  }

  /** With folders that are empty then. */
  #removeFiles(paths: readonly string[]): void {
    for (const path of paths) {
      rmSync(join(this.#site, path), { force: true });
      for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
        try {
          rmdirSync(join(this.#site, folder));
        } catch {
          break; // Others have libraries there.
        }
      }
    }
  }
}

function checkNeeds(records: readonly InstalledPackage[]): void {
  for (const { name, depends } of records) {
    for (const alternatives of parseDependencies(depends)) {
      const isThere = alternatives.some((one) =>
        records.some((record) => debianName(record.name) === one.name && acceptsVersion(one, record.version)),
      );
      if (isThere) continue;
      const words = alternatives
        .map(
          (one) =>
            `${lispName(one.name) ?? one.name}${one.relation === undefined ? "" : ` (${one.relation} ${one.version})`}`,
        )
        .join(" or ");
      throw new OperationError("packages", name, `needs ${words}, which is not installed`);
    }
  }
}

function checkFiles(records: readonly InstalledPackage[]): void {
  const owners = new Map<string, string>();
  for (const { name, files } of records) {
    for (const path of files) {
      const other = owners.get(path);
      if (other !== undefined) throw new OperationError("packages", name, `has ${path}, which ${other} has, too`);
      owners.set(path, name);
    }
  }
}

async function openPackage(
  file: string,
  bytes: Uint8Array,
  ports: PackagePorts,
): Promise<{ record: InstalledPackage; contents: Map<string, Uint8Array> }> {
  const fail = (why: string): never => {
    throw new OperationError("packages", file, why);
  };
  const archive = await openDeb(bytes, file, ports);
  const problems = await debProblems(archive, ports);
  if (problems.length > 0) fail(problems.slice(0, 3).join("; "));
  const field = (name: string): string => byteStringToUtf8(archive.control.get(name) ?? "");
  const name = lispName(field("Package"));
  if (name === null) return fail(`holds ${field("Package")}, which is no package of AstraLisp's libraries`);
  const contents = new Map<string, Uint8Array>();
  await visitDataFiles(archive, file, ({ path, type }, content) => {
    const own = path.replace(/^\.\//u, "");
    if (type === TarType.directory) return;
    const inside = own.startsWith(`${SITE}/`) ? own.slice(SITE.length + 1) : fail(`${own}: is not in /${SITE}`);
    if (type !== TarType.file) fail(`${own}: is no plain file`);
    if (inside.split("/").some((part) => part === "" || part === "." || part === ".." || part.includes("\\")))
      fail(`${own}: is no path of a library`);
    if (contents.size >= FILES_MAX) fail(`has more than ${FILES_MAX} files`);
    contents.set(inside, content.slice());
  });
  const record = {
    name,
    version: field("Version"),
    description: field("Description").split("\n")[0]!,
    depends: field("Depends"),
    files: [...contents.keys()].sort(),
  };
  return { record, contents };
}
