/** `stratos lisp`: a program, expressions, or the prompt. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Command } from "commander";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, Repl, type System } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, hostReason } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { folderFinder, nodeSystem, ownLibraryFolder, runtimeImage } from "../lisp/node-system.ts";

const repeat = (value: string, all: readonly string[]): readonly string[] => [...all, value];

export function lispCommand(finish: Finish): Command {
  return new Command("lisp")
    .enablePositionalOptions()
    .helpCommand(false)
    .summary("run a Scheme program, or talk to AstraLisp")
    .description(
      "Runs a program in Scheme (R7RS-small and more), with its arguments as (command-line). Without a file and " +
        "without -e: a prompt on the terminal; forms that come through a pipe are evaluated one after the other.",
    )
    .usage("[OPTIONS] [FILE [ARG…]] | COMMAND")
    .argument("[file]", "the program; a file that is named like a verb: ./test")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option("-e, --eval <expr>", "evaluate this first (repeatable); nothing is printed but what it prints", repeat, [])
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable): (a b) is a/b.sld", repeat, [])
    .option(
      "--engine <name>",
      "what runs it: wasm (compiled to WebAssembly; programs by default), or interpreter (the prompt's)",
    )
    .addHelpText(
      "after",
      "\nExit status: what the program says by (exit); 1 after an error that nobody handled; 2 for a mistaken " +
        "command line.",
    )
    .action(async (file: string | undefined, args: string[], options: LispOptions) =>
      finish(await runLisp(file, args, options)),
    )
    .addCommand(testCommand(finish))
    .addCommand(docCommand(finish));
}

function docCommand(finish: Finish): Command {
  return new Command("doc")
    .summary("write a reference of Scheme files as Markdown")
    .description(
      "Writes what files define, with the text of docstrings (a string that begins a procedure's body) or of the " +
        "comments right above. Of a library its exports are told; nothing is run.",
    )
    .usage("FILE…")
    .argument("<file...>", "programs and libraries")
    .action(async (files: string[]) => {
      const programs = files.map((file) => ({ file, text: programText(file) }));
      const { documentPrograms } = await import("../lisp/document-programs.ts");
      const lisp = new Lisp();
      try {
        process.stdout.write(documentPrograms(lisp, programs));
        finish(EXIT_SUCCESS);
      } catch (error) {
        const words = lisp.describe(error);
        if (words === null) throw error;
        process.stderr.write(`stratos: ${words}\n`);
        finish(EXIT_FAILURE);
      }
    });
}

function testCommand(finish: Finish): Command {
  return new Command("test")
    .summary("run tests written with SRFI 64")
    .description(
      "Runs programs that hold tests of SRFI 64, each by itself, and tells what failed, with file and line, what was " +
        "expected and what came.",
    )
    .usage("[OPTIONS] FILE…")
    .argument("<file...>", "the programs")
    .addOption(jsonOption())
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .option("--engine <name>", "wasm (default) or interpreter")
    .addHelpText(
      "after",
      "\nWith --json what programs print goes to standard error.\n" +
        "\nExit status: 0 when every test passed or failed as expected; 1 otherwise, and where a file has no test, " +
        "ends by an error or leaves a group open; 2 for a mistaken command line.",
    )
    .action(async (files: string[], { json, libraryPath, engine = "wasm" }: TestCommandOptions) => {
      checkEngine(engine);
      const programs = files.map((file) => ({ file, text: programText(file) }));
      const { testPrograms } = await import("../lisp/test-programs.ts");
      const makeRunner = (file: string, system: System): { lisp: Lisp; runner: Lisp | CompiledLisp } => {
        const lisp = new Lisp({ system, findLibrary: folderFinder(libraryFolders(libraryPath, file)) });
        return { lisp, runner: engine === "wasm" ? compiling(lisp) : lisp };
      };
      finish(testPrograms(programs, { isJson: json === true, makeRunner }) ? EXIT_SUCCESS : EXIT_FAILURE);
    });
}

interface TestCommandOptions {
  readonly json?: boolean;
  readonly libraryPath: readonly string[];
  readonly engine?: string;
}

function libraryFolders(first: readonly string[], file: string | undefined): string[] {
  return [...first, ...(file === undefined ? [] : [dirname(file)]), ".", ownLibraryFolder()];
}

function checkEngine(engine: string): void {
  if (!["interpreter", "wasm"].includes(engine))
    throw new CommandError("--engine", `${engine} is no engine; take interpreter or wasm`);
}

interface LispOptions {
  readonly eval: readonly string[];
  readonly libraryPath: readonly string[];
  /** Undefined: programs are compiled, the prompt is interpreted. */
  readonly engine?: string;
}

/** A compiled program's heap: half of it may be in use at a time. */
const MEMORY_BYTES = 2 * 1024 ** 3;

async function runLisp(file: string | undefined, args: readonly string[], options: LispOptions): Promise<number> {
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
    process.stderr.write(`stratos: ${[words, ...backtrace(error)].join("\n")}\n`);
    return EXIT_FAILURE;
  } finally {
    lisp.flush();
  }
}

/** Of the memory only what is used is taken; a host that does not promise as much gives the usual half GiB. */
function compiling(lisp: Lisp): CompiledLisp {
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
