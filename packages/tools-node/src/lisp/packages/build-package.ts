/**
 * A folder with `package.scm` as a Debian package: its libraries, with what these import and include of the folder,
 * below `/usr/share/astra/site`. The same folder gives the same bytes.
 */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { concatBytes } from "@stratos/base";
import { TarType, tarEntry } from "@stratos/formats";
import { Lisp } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { buildDeb, type BuiltDeb, type DebEntry, type PackagePorts } from "@stratos/pkg";
import { endOf } from "../compiled-runner.ts";
import { folderFinder, installedLibraryFolder, nodeSystem, ownLibraryFolder } from "../node-system.ts";
import { debianName, DESCRIPTION_FILE, type PackageDescription, readDescription } from "./package-description.ts";
import { SITE } from "./package-site.ts";

/**
 * @param epoch  SOURCE_DATE_EPOCH; else the time of the youngest file
 * @throws OperationError  of kind program: the description is wrong, a library is not there or cannot be imported
 */
export async function buildLispPackage(
  folder: string,
  { ports, epoch }: { readonly ports: PackagePorts; readonly epoch?: number | undefined },
): Promise<BuiltDeb> {
  const file = join(folder, DESCRIPTION_FILE);
  const description = readDescription(file);
  const paths = await filesOf(resolve(folder), description, file);
  const mtime = epoch ?? Math.max(...[DESCRIPTION_FILE, ...paths].map((path) => mtimeOf(join(folder, path))));
  const control = [
    `Package: ${debianName(description.name)}`,
    `Version: ${description.version}`,
    "Architecture: all",
    "Section: lisp",
    `Maintainer: ${description.maintainer}`,
    ...(description.depends.length === 0 ? [] : [`Depends: ${description.depends.join(", ")}`]),
    `Description: ${description.description}`,
    "",
  ].join("\n");
  const files = new Map(paths.map((path) => [`${SITE}/${path}`, readFileSync(join(folder, path))]));
  return await buildDeb(
    { control: Buffer.from(control).toString("latin1"), controlFiles: [], tree: treeOf(files, mtime) },
    mtime,
    {
      hasher: ports.hasher,
      suffix: ".zst",
      compress: (pieces) => Promise.resolve(zstdCompressSync(concatBytes([...pieces].map((piece) => piece.slice())))),
    },
  );
}

function mtimeOf(path: string): number {
  return Math.floor(statSync(path).mtimeMs / 1000);
}

/** Imports the libraries, as a program does, and notes which files of the folder that takes. @returns sorted */
async function filesOf(folder: string, { libraries }: PackageDescription, file: string): Promise<string[]> {
  const paths = new Set<string>();
  const note = (path: string): void => {
    const own = relative(folder, resolve(path));
    if (own !== "" && !own.startsWith("..") && !isAbsolute(own)) paths.add(own.split("\\").join("/"));
  };
  const system = nodeSystem([file]);
  const find = folderFinder([folder, ownLibraryFolder(), installedLibraryFolder()]);
  const lisp = new Lisp({
    system: {
      ...system,
      readFile: (path) => {
        const content = system.readFile(path);
        note(path);
        return content;
      },
    },
    findLibrary: (name) => {
      const found = find(name);
      if (found !== null) note(found.file);
      return found;
    },
  });
  for (const name of libraries) {
    const path = `${name.join("/")}.sld`;
    const end = await endOf(lisp, () => {
      lisp.runProgram(`(import (prefix (${name.join(" ")}) package:))`, file);
      return 0;
    });
    if (end.failure !== null) throw new OperationError("program", path, end.failure);
    if (!paths.has(path))
      throw new OperationError("program", join(folder, path), `is not where (${name.join(" ")}) is`);
  }
  return [...paths].sort();
}

function treeOf(files: ReadonlyMap<string, Uint8Array>, mtime: number): DebEntry[] {
  const folders = new Set<string>();
  for (const path of files.keys())
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.add(path.slice(0, at));
  return [
    ...[...folders].map((path) => ({ entry: tarEntry(path, TarType.directory, { mode: 0o755, mtime }) })),
    ...[...files].map(([path, bytes]) => ({
      entry: tarEntry(path, TarType.file, { mode: 0o644, mtime, size: bytes.length }),
      content: () => [bytes],
    })),
  ];
}
