/** `stratos lisp`: a program, expressions, or the prompt. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, Repl, UncaughtError } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { folderFinder, nodeSystem, ownLibraryFolder, runtimeImage } from "../lisp/node-system.ts";

export interface LispOptions {
  readonly eval: readonly string[];
  readonly libraryPath: readonly string[];
  readonly engine: string;
}

export async function runLisp(
  file: string | undefined,
  args: readonly string[],
  options: LispOptions,
): Promise<number> {
  const folders = [...options.libraryPath, ...(file === undefined ? [] : [dirname(file)]), ".", ownLibraryFolder()];
  const lisp = new Lisp({ system: nodeSystem([file ?? "lisp", ...args]), findLibrary: folderFinder(folders) });
  if (!["interpreter", "wasm"].includes(options.engine))
    throw new CommandError("--engine", `${options.engine} is no engine; take interpreter or wasm`);
  try {
    const runner =
      options.engine === "wasm" ? new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), image: runtimeImage() }) : lisp;
    for (const text of options.eval) runner.evaluateText(text, "-e");
    if (file !== undefined) runner.runProgram(programText(file), file);
    else if (options.eval.length === 0 && options.engine === "wasm")
      throw new CommandError("--engine", "the prompt runs on the interpreter only");
    else if (options.eval.length === 0) return await talk(lisp);
    return EXIT_SUCCESS;
  } catch (error) {
    if (error instanceof ExitRequest) return error.status;
    lisp.flush();
    const words = lisp.describe(error);
    if (words === null) throw error;
    const trace = error instanceof UncaughtError ? backtrace(error) : [];
    process.stderr.write(`stratos: ${[words, ...trace].join("\n")}\n`);
    return EXIT_FAILURE;
  } finally {
    lisp.flush();
  }
}

async function talk(lisp: Lisp): Promise<number> {
  if (process.stdin.isTTY && process.stdout.isTTY)
    return await (await import("../lisp/terminal.ts")).talkOnTerminal(lisp, new Repl(lisp));
  // Through a pipe: each form is read when the one before has run, so that a program may read what follows it.
  lisp.evaluateInput();
  return EXIT_SUCCESS;
}

function programText(file: string): string {
  try {
    if (statSync(file).isDirectory()) throw new CommandError(file, "is a folder");
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new CommandError(file, hostReason(error as NodeJS.ErrnoException));
  }
}
