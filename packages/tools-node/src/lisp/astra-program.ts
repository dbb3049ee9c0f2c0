/** The shell `astra` and its utilities (lisp/scheme/astra/), compiled for the machine: one static program. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lispVersion } from "@stratos/host-node";
import { Lisp } from "@stratos/lisp";
import { nativeBuilder } from "./build-program.ts";
import { folderFinder, ownLibraryFolder } from "./node-system.ts";

interface AstraProgram {
  /** Another one for other sources, the compiler's among them. */
  readonly version: string;
  /** Names of the utilities that it is. */
  readonly utilities: readonly string[];
  /** Compiles it: some seconds. */
  build(): Uint8Array;
}

export function astraProgram(): AstraProgram {
  const libraries = ownLibraryFolder();
  const folder = join(libraries, "astra");
  // The tables at the libraries' ends: (cons "NAME" procedure). Names are words, or [.
  const utilities = globSync("*-utilities.sld", { cwd: folder })
    .sort()
    .flatMap((name) => [...readFileSync(join(folder, name), "utf8").matchAll(/\(cons "([a-z][a-z0-9]*|\[)" /gu)])
    .map(([, one]) => one!);
  return {
    version: lispVersion(),
    utilities,
    build: () => {
      const file = join(folder, "astra.scm");
      const lisp = new Lisp({ findLibrary: folderFinder([libraries]) });
      return nativeBuilder(lisp).buildNative(readFileSync(file, "utf8"), file, ["rv64"]).rv64;
    },
  };
}
