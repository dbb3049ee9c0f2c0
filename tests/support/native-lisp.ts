/** Sessions that build native programs of AstraLisp, from a runtime that is compiled once for all test files. */
import { readFileSync, writeFileSync } from "node:fs";
import { lispVersion } from "@stratos/host-node";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, Lisp, type NativeTarget } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { kept } from "./compiled.ts";

const OPTIONS = { keepsModules: true, isNative: true } as const;

let image: Uint8Array | undefined;
const codes = new Map<NativeTarget, Uint8Array>();

/**
 * @param lisp  default: one that has the libraries of AstraLisp
 * @param runtimeCode  as `CompiledLisp` takes it
 */
export function nativeLisp(
  lisp: Lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) }),
  runtimeCode: (target: NativeTarget) => Uint8Array | null = keptRuntimeCode,
): CompiledLisp {
  image ??= keptImage();
  return new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), ...OPTIONS, image, runtimeCode });
}

export function keptRuntimeCode(target: NativeTarget): Uint8Array {
  let code = codes.get(target);
  if (code === undefined) codes.set(target, (code = keptCode(target)));
  return code;
}

function keptCode(target: NativeTarget): Uint8Array {
  const path = kept(`native-lisp-${target}`, lispVersion(), (draft) => {
    const options = { wasm: new NodeWasmEngine(), ...OPTIONS, image: image! };
    writeFileSync(draft, new CompiledLisp(new Lisp(), options).compileRuntime(target));
  });
  return readFileSync(path);
}

function keptImage(): Uint8Array {
  const path = kept("native-lisp", lispVersion(), (draft) =>
    writeFileSync(draft, new CompiledLisp(new Lisp(), { wasm: new NodeWasmEngine(), ...OPTIONS }).engine.saveImage()),
  );
  return readFileSync(path);
}
