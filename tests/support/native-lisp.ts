/** Sessions that build native programs of AstraLisp, from a runtime that is compiled once for all test files. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lispVersion } from "@stratos/host-node";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { TEST_HOME } from "./test-image.ts";

const KEPT = join(TEST_HOME, "compiled");
const NAME = "native-lisp";
const OPTIONS = { keepsModules: true, isNative: true } as const;

let image: Uint8Array | undefined;

/** @param lisp  default: one that has the libraries of AstraLisp */
export function nativeLisp(lisp: Lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) })): CompiledLisp {
  return new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), ...OPTIONS, image: (image ??= keptImage()) });
}

function keptImage(): Uint8Array {
  const path = join(KEPT, `${NAME}.${lispVersion().slice(0, 16)}`);
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return readFileSync(path);
  const bytes = new CompiledLisp(new Lisp(), { wasm: new NodeWasmEngine(), ...OPTIONS }).engine.saveImage();
  mkdirSync(KEPT, { recursive: true });
  for (const former of readdirSync(KEPT))
    if (former.startsWith(`${NAME}.`)) rmSync(join(KEPT, former), { force: true });
  const draft = join(KEPT, `${process.pid}-${NAME}`);
  writeFileSync(draft, bytes);
  renameSync(draft, path);
  return bytes;
}
