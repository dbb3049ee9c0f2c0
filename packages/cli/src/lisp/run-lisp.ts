/** Runs programs and expressions of AstraLisp; `stratos lisp` without its command line (commands/lisp.ts). */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, haveSameRuntime, Lisp, Repl } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { unpackProgram } from "./built-program.ts";
import { compiling, reporting, runBuilt } from "./compiled-runner.ts";
import { folderFinder, nodeSystem, ownLibraryFolder, runtimeImage } from "./node-system.ts";

export interface LispOptions {
  readonly eval: readonly string[];
  readonly libraryPath: readonly string[];
  /** Undefined: programs are compiled, the prompt is interpreted. */
  readonly engine?: string;
}

/** @returns the exit status; a program's own failure has been told */
export async function runLisp(
  file: string | undefined,
  args: readonly string[],
  options: LispOptions,
): Promise<number> {
  const findLibrary = folderFinder(libraryFolders(options.libraryPath, file));
  const isPrompt = file === undefined && options.eval.length === 0;
  const { engine = isPrompt ? "interpreter" : "wasm" } = options;
  checkEngine(engine);
  const content = file === undefined ? null : programContent(file);
  if (file !== undefined && content !== null) {
    const image = unpackProgram(content, file);
    if (image !== null) {
      if (engine !== "wasm" || options.eval.length > 0)
        throw new CommandError(file, "a built program runs compiled, and takes neither --engine nor -e");
      if (!haveSameRuntime(image, runtimeImage() ?? freshImage()))
        throw new CommandError(file, "was built by another version of Stratos; build it again from its source");
      return await runBuilt(image, { file, args, findLibrary });
    }
  }
  const lisp = new Lisp({ system: nodeSystem([file ?? "lisp", ...args]), findLibrary });
  return await reporting(lisp, async () => {
    const runner = engine === "wasm" ? compiling(lisp, runtimeImage()) : lisp;
    for (const text of options.eval) runner.evaluateText(text, "-e");
    if (file !== undefined && content !== null) runner.runProgram(content.toString("utf8"), file);
    else if (isPrompt && engine === "wasm")
      throw new CommandError("--engine", "the prompt runs on the interpreter only");
    else if (isPrompt) return await talk(lisp);
    return EXIT_SUCCESS;
  });
}

/** From sources there is none that was made before. */
function freshImage(): Uint8Array {
  return new CompiledLisp(new Lisp(), { wasm: new NodeWasmEngine() }).engine.saveImage();
}

async function talk(lisp: Lisp): Promise<number> {
  if (process.stdin.isTTY && process.stdout.isTTY)
    return await (await import("./terminal.ts")).talkOnTerminal(lisp, new Repl(lisp));
  // Through a pipe: each form is read when the one before has run, so that a program may read what follows it.
  lisp.evaluateInput();
  return EXIT_SUCCESS;
}

export function libraryFolders(first: readonly string[], file: string | undefined): string[] {
  return [...first, ...(file === undefined ? [] : [dirname(file)]), ".", ownLibraryFolder()];
}

export function checkEngine(engine: string): void {
  if (!["interpreter", "wasm"].includes(engine))
    throw new CommandError("--engine", `${engine} is no engine; take interpreter or wasm`);
}

export function programText(file: string): string {
  const content = programContent(file);
  if (unpackProgram(content, file) !== null) throw new CommandError(file, "is a built program; its source is needed");
  return content.toString("utf8");
}

function programContent(file: string): Buffer {
  try {
    if (statSync(file).isDirectory()) throw new CommandError(file, "is a folder");
    return readFileSync(file);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new CommandError(file, hostReason(error as NodeJS.ErrnoException));
  }
}
