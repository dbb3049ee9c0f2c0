/** The shell `astra` and its utilities (lisp/scheme/astra/), compiled for the machine: one static program. */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "./node-system.ts";

interface AstraProgram {
  /** Another one for other sources. */
  readonly version: string;
  /** Names of the utilities that it is. */
  readonly utilities: readonly string[];
  /** Compiles it: some seconds. */
  build(): Uint8Array;
}

export function astraProgram(): AstraProgram {
  const libraries = ownLibraryFolder();
  const folder = join(libraries, "astra");
  const digest = createHash("sha256");
  const utilities: string[] = [];
  for (const name of globSync("*", { cwd: folder }).sort()) {
    const text = readFileSync(join(folder, name), "utf8");
    digest.update(`${name}\0${text}\0`);
    // The tables at the libraries' ends: (cons "NAME" procedure).
    if (name.endsWith("-utilities.sld"))
      utilities.push(...[...text.matchAll(/\(cons "([^"]+)" /gu)].map(([, one]) => one!));
  }
  return {
    version: digest.digest("hex").slice(0, 16),
    utilities,
    build: () => {
      const file = join(folder, "astra.scm");
      const lisp = new Lisp({ findLibrary: folderFinder([libraries]) });
      const native = new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, isNative: true });
      return native.buildNative(readFileSync(file, "utf8"), file, ["rv64"]).rv64;
    },
  };
}
