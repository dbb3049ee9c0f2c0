/** Sessions that build native programs of AstraLisp, from a runtime that is compiled once for all test files. */
import { readFileSync, writeFileSync } from "node:fs";
import { lispVersion } from "@stratos/host-node";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { kept } from "./compiled.ts";

const OPTIONS = { keepsModules: true, isNative: true } as const;

let image: Uint8Array | undefined;

/** @param lisp  default: one that has the libraries of AstraLisp */
export function nativeLisp(lisp: Lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) })): CompiledLisp {
  return new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), ...OPTIONS, image: (image ??= keptImage()) });
}

function keptImage(): Uint8Array {
  const path = kept("native-lisp", lispVersion(), (draft) =>
    writeFileSync(draft, new CompiledLisp(new Lisp(), { wasm: new NodeWasmEngine(), ...OPTIONS }).engine.saveImage()),
  );
  return readFileSync(path);
}
