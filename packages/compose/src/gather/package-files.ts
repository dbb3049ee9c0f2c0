/**
 * Packages that are files beside the treefile. They take part in choosing packages as those of an archive do, before
 * one of the same version there; their bytes go into the store of downloads, so that later phases see no difference. A
 * lock names them by `treefile:PATH` and their hash.
 */
import { DebError, openDeb, type PackageIndex } from "@stratos/pkg";
import type { ComposePorts } from "../ports.ts";
import { isPackageFile } from "../treefile/own-places.ts";
import type { ImageTarget } from "../treefile/treefile.ts";
import { LockError, packageRequest, type LockedImage, type LockedPackage } from "./lock.ts";

export type FilePorts = Pick<ComposePorts, "packages" | "readSource">;

/** How a locked package's `url` begins when it is a file beside the treefile. */
export const BESIDE_TREEFILE = "treefile:";
/** As apt has it for what is in no release: as good as a usual archive's. */
const PRIORITY = 500;

/** A package that is a file cannot be taken. */
export class PackageFileError extends LockError {
  readonly requests: readonly string[];
  constructor(request: string, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.requests = [request];
  }
}

interface PackageFile {
  readonly path: string;
  /** NAME=VERSION */
  readonly request: string;
  readonly sha256: string;
  /** its paragraph, as an archive's list would have it */
  readonly stanza: string;
}

export class PackageFiles {
  readonly #byPath: ReadonlyMap<string, PackageFile>;

  constructor(files: readonly PackageFile[]) {
    this.#byPath = new Map(files.map((file) => [file.path, file]));
  }

  /** Has the index offer them. */
  addTo(index: PackageIndex, architecture: string): void {
    for (const { path, stanza } of this.#byPath.values())
      index.addNamed(stanza, { name: path, baseUrl: BESIDE_TREEFILE, priority: PRIORITY }, architecture);
  }

  /** What is asked of the index for an item of `packages`. */
  requestOf(item: string): string {
    return this.#byPath.get(item)?.request ?? item;
  }

  /** What a lock says of where a chosen package is. */
  urlOf(url: string, sha256: string): string {
    if (!url.startsWith(`${BESIDE_TREEFILE}/`)) return url;
    return `${BESIDE_TREEFILE}${[...this.#byPath.values()].find((file) => file.sha256 === sha256)!.path}`;
  }
}

/** Reads the files that an image asks for, and takes them into the store. @throws PackageFileError */
export async function readPackageFiles(ports: FilePorts, target: ImageTarget): Promise<PackageFiles> {
  const { packages = [], build = {} } = target.config;
  const files: PackageFile[] = [];
  for (const path of new Set([...packages, ...(build.packages ?? [])].filter(isPackageFile)))
    files.push(await readPackageFile(ports, path, target.architecture));
  return new PackageFiles(files);
}

async function readPackageFile(ports: FilePorts, path: string, architecture: string): Promise<PackageFile> {
  const bytes = await ports.readSource(path);
  if (bytes === undefined) throw new PackageFileError(path, `there is no file ${path} beside the treefile`);
  const { packages } = ports,
    hasher = packages.hasher("sha256");
  hasher.update(bytes);
  const sha256 = hasher.hex();
  try {
    const { control } = await openDeb(
      bytes,
      path,
      { decompress: packages.decompress, latin1: packages.latin1 },
      "control",
    );
    const [name, version, own] = [control.get("Package"), control.get("Version"), control.get("Architecture")];
    if (name === undefined || version === undefined || own === undefined)
      throw new PackageFileError(path, `${path}: has no name, version or architecture`);
    if (own !== "all" && own !== architecture)
      throw new PackageFileError(path, `${path}: is for ${own}, and the image for ${architecture}`);
    for (const [field, value] of [
      ["Filename", `${sha256}.deb`],
      ["Size", String(bytes.length)],
      ["SHA256", sha256],
    ] as const)
      control.set(field, value);
    await packages.store.write(storePath(sha256), bytes);
    return { path, request: `${name}=${version}`, sha256, stanza: `${control}\n` };
  } catch (error) {
    if (error instanceof DebError) throw new PackageFileError(path, error.message, { cause: error });
    throw error;
  }
}

function storePath(sha256: string): string {
  return `debs/${sha256.slice(0, 2)}/${sha256}.deb`;
}

/** Brings a locked package that is a file into the store. @throws LockError  the file is not what the lock says */
export async function takePackageFile(ports: FilePorts, one: LockedPackage): Promise<void> {
  const path = one.url.slice(BESIDE_TREEFILE.length),
    bytes = await hashedSource(ports, path);
  if (bytes?.sha256 !== one.sha256)
    throw new LockError(
      `${path}: ` +
        (bytes === undefined ? "is not there any more" : "is another than the lock file says; --update makes it anew"),
    );
  await ports.packages.store.write(storePath(one.sha256), bytes.content);
}

async function hashedSource(
  { packages, readSource }: FilePorts,
  path: string,
): Promise<{ content: Uint8Array; sha256: string } | undefined> {
  const content = await readSource(path);
  if (content === undefined) return undefined;
  const hasher = packages.hasher("sha256");
  hasher.update(content);
  return { content, sha256: hasher.hex() };
}

/** Whether a lock is one of what an image asks for now: in words, and of packages that are files in bytes. */
export async function fitsLock(
  ports: FilePorts,
  target: ImageTarget,
  locked: LockedImage | undefined,
): Promise<boolean> {
  if (locked?.request !== packageRequest(target)) return false;
  for (const one of [...locked.packages, ...(locked.build ?? [])]) {
    if (
      one.url.startsWith(BESIDE_TREEFILE) &&
      (await hashedSource(ports, one.url.slice(BESIDE_TREEFILE.length)))?.sha256 !== one.sha256
    )
      return false;
  }
  return true;
}
