/** Runs programs and expressions of AstraLisp; `stratos lisp` without its command line (commands/lisp.ts). */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, Repl } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { folderFinder, nodeSystem, ownLibraryFolder, runtimeImage } from "./node-system.ts";

export interface LispOptions {
  readonly eval: readonly string[];
  readonly libraryPath: readonly string[];
  /** Undefined: programs are compiled, the prompt is interpreted. */
  readonly engine?: string;
}

/** A compiled program's heap: half of it may be in use at a time. */
const MEMORY_BYTES = 2 * 1024 ** 3;

/** @returns the exit status; a program's own failure has been told */
export async function runLisp(
  file: string | undefined,
  args: readonly string[],
  options: LispOptions,
): Promise<number> {
  const findLibrary = folderFinder(libraryFolders(options.libraryPath, file));
  const lisp = new Lisp({ system: nodeSystem([file ?? "lisp", ...args]), findLibrary });
  const isPrompt = file === undefined && options.eval.length === 0;
  const { engine = isPrompt ? "interpreter" : "wasm" } = options;
  checkEngine(engine);
  try {
    const runner = engine === "wasm" ? compiling(lisp) : lisp;
    for (const text of options.eval) runner.evaluateText(text, "-e");
    if (file !== undefined) runner.runProgram(programText(file), file);
    else if (isPrompt && engine === "wasm")
      throw new CommandError("--engine", "the prompt runs on the interpreter only");
    else if (isPrompt) return await talk(lisp);
    return EXIT_SUCCESS;
  } catch (error) {
    if (error instanceof ExitRequest) return error.status;
    lisp.flush();
    const words = lisp.describe(error);
    if (words === null) throw error;
    // Node's own streams take longer to come up than a short program to run.
    lisp.system.standardError.write(Buffer.from(`stratos: ${[words, ...backtrace(error)].join("\n")}\n`));
    return EXIT_FAILURE;
  } finally {
    lisp.flush();
  }
}

/** Of the memory only what is used is taken; a host that does not promise as much gives the usual half GiB. */
export function compiling(lisp: Lisp): CompiledLisp {
  const wasm = new NodeWasmEngine();
  const image = runtimeImage();
  try {
    return new CompiledLisp(lisp, { wasm, image, memoryBytes: MEMORY_BYTES });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new CompiledLisp(lisp, { wasm, image });
  }
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
  try {
    if (statSync(file).isDirectory()) throw new CommandError(file, "is a folder");
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new CommandError(file, hostReason(error as NodeJS.ErrnoException));
  }
}
