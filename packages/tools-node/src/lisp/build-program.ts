/** Compiles a program of AstraLisp ahead into one file (built-program.ts). */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CompiledLisp, type Lisp, type NativeTarget, type ProofCounts } from "@stratos/lisp";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { packProgram } from "./built-program.ts";
import { runtimeCode, runtimeImage } from "./node-system.ts";

/** Where the program stands in the runtime for Node alone (the command line's lisp/standalone.ts). */
const PLACE = "@@ASTRALISP-PROGRAM@@";
/** Stands before a program there that may have JavaScript. */
export const WITH_JAVASCRIPT = "javascript:";

interface ProgramToBuild {
  readonly file: string;
  readonly text: string;
  readonly out: string;
  /** null: one that Stratos or Node runs. */
  readonly target: NativeTarget | null;
  /** A module for Node has JavaScript when it runs. */
  readonly allowJavascript: boolean;
}

/**
 * @returns what was proved of its types
 * @throws OperationError, and what is wrong with the program
 */
export function buildProgram(lisp: Lisp, { file, text, out, target, allowJavascript }: ProgramToBuild): ProofCounts {
  if (target !== null) {
    const native = nativeBuilder(lisp);
    writeWhole(out, native.buildNative(text, file, [target])[target]);
    return native.engine.proofs;
  }
  const session = new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, image: runtimeImage() });
  const program = packProgram(session.buildProgram(text, file));
  writeWhole(out, out.endsWith(".mjs") ? moduleText(program, out, allowJavascript) : program);
  return session.engine.proofs;
}

/** A session whose `buildNative` makes programs for processors. */
export function nativeBuilder(lisp: Lisp): CompiledLisp {
  const image = runtimeImage("native");
  return new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, isNative: true, image, runtimeCode });
}

function moduleText(program: Uint8Array, out: string, allowJavascript: boolean): string {
  const path = join(dirname(fileURLToPath(import.meta.url)), "lisp-runtime.mjs");
  if (!existsSync(path))
    throw new OperationError("program", out, "a program for Node alone needs the bundle: `npm run build`");
  const [before, after] = readFileSync(path, "utf8").split(PLACE) as [string, string];
  return before + (allowJavascript ? WITH_JAVASCRIPT : "") + Buffer.from(program).toString("base64") + after;
}

function writeWhole(out: string, content: string | Uint8Array): void {
  try {
    replaceFile(out, content, { mode: 0o777, flush: false });
  } catch (error) {
    throw new OperationError("program", out, hostReason(error), { cause: error });
  }
}
