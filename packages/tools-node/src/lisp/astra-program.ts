/** The shell `astra` and its utilities (lisp/scheme/astra/), compiled for the machine: one static program. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { zstdDecompressSync } from "node:zlib";
import { lispVersion } from "@stratos/host-node";
import { Lisp } from "@stratos/lisp";
import { nativeBuilder } from "./build-program.ts";
import { folderFinder, ownLibraryFolder } from "./node-system.ts";

interface AstraProgram {
  /** Another one for other sources, the compiler's among them. */
  readonly version: string;
  /** Names of the utilities that it is. */
  readonly utilities: readonly string[];
  /** What was compiled when Stratos was built; null: it was not. */
  built(): Uint8Array | null;
  /** Compiles it: some seconds. */
  compile(): Uint8Array;
}

/** Of what was compiled when Stratos was built, beside the bundle. */
export function packedAstraName(version: string): string {
  return `astra-${version}.zst`;
}

export function astraProgram(): AstraProgram {
  const version = lispVersion();
  const libraries = ownLibraryFolder();
  const folder = join(libraries, "astra");
  // The tables at the libraries' ends: (cons "NAME" procedure). Names are words, or [.
  const utilities = globSync("*-utilities.sld", { cwd: folder })
    .sort()
    .flatMap((name) => [...readFileSync(join(folder, name), "utf8").matchAll(/\(cons "([a-z][a-z0-9]*|\[)" /gu)])
    .map(([, one]) => one!);
  return {
    version,
    utilities,
    built: () => {
      const path = join(dirname(fileURLToPath(import.meta.url)), packedAstraName(version));
      return existsSync(path) ? zstdDecompressSync(readFileSync(path)) : null;
    },
    compile: () => {
      const file = join(folder, "astra.scm");
      const lisp = new Lisp({ findLibrary: folderFinder([libraries]) });
      return nativeBuilder(lisp).buildNative(readFileSync(file, "utf8"), file, ["rv64"]).rv64;
    },
  };
}
