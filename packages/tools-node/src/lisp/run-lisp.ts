/** Runs programs and expressions of AstraLisp on Node: files, built programs, what a prompt hands over. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import {
  CompiledLisp,
  Condition,
  haveSameRuntime,
  Lisp,
  type MachineLimits,
  SchemeError,
  sourceTextOf,
} from "@stratos/lisp";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { unpackProgram } from "./built-program.ts";
import { compiling, endOf, gcReport, type HeapOptions, type LispEnd, runBuilt } from "./compiled-runner.ts";
import { HeapWatch } from "./heap-watch.ts";
import { folderFinder, installedLibraryFolder, nodeSystem, ownLibraryFolder, runtimeImage } from "./node-system.ts";

export interface LispOptions extends HeapOptions {
  readonly eval: readonly string[];
  readonly libraryPath: readonly string[];
  /** Undefined: programs are compiled, the prompt is interpreted. */
  readonly engine?: string;
  /** Orders threads, and stops the clock but for waiting. */
  readonly seed?: number;
  /** Programs may have JavaScript. */
  readonly allowJavascript?: boolean;
}

/** What is run: expressions, then a program; of neither, what is typed or comes through standard input. */
interface LispRequest extends LispOptions {
  readonly file: string | undefined;
  readonly args: readonly string[];
  /** The prompt, when there is nothing to run. @returns the exit status that was asked for */
  talk(lisp: Lisp): Promise<number>;
  /** Is asked now and then while the prompt evaluates. */
  isInterrupted(): boolean;
}

/** @throws OperationError  of kind option or program */
export async function runLisp({ file, args, talk, isInterrupted, ...options }: LispRequest): Promise<LispEnd> {
  const findLibrary = folderFinder(libraryFolders(options.libraryPath, file));
  const isPrompt = file === undefined && options.eval.length === 0;
  const { engine = isPrompt ? "interpreter" : "wasm", seed = null, allowJavascript = false } = options;
  checkEngine(engine);
  const content = file === undefined ? null : programContent(file);
  if (file !== undefined && content !== null) {
    const image = unpackProgram(content, file);
    if (image !== null) {
      if (engine !== "wasm" || options.eval.length > 0)
        throw new OperationError("program", file, "a built program runs compiled, and takes neither --engine nor -e");
      if (!haveSameRuntime(image, runtimeImage() ?? freshImage()))
        throw new OperationError(
          "program",
          file,
          "was built by another version of Stratos; build it again from its source",
        );
      return await runBuilt(image, { file, args, findLibrary, allowJavascript, heap: options });
    }
  }
  const system = nodeSystem([file ?? "lisp", ...args], { seed, allowJavascript });
  // Elsewhere Ctrl-C ends the process.
  if (engine === "interpreter") refuseCollectorOptions(options);
  // Macros are interpreted in any case.
  const watch = new HeapWatch(engine === "interpreter" ? options.heap : undefined);
  const limits: MachineLimits = {
    steps: Infinity,
    isInterrupted: isPrompt ? isInterrupted : () => false,
    memoryFull: () => watch.full(),
  };
  const lisp = new Lisp({ system, findLibrary, limits });
  const compiled = engine === "wasm" && !isPrompt ? compiling(lisp, runtimeImage(), options) : null;
  const end = await endOf(lisp, async () => {
    const runner = compiled ?? lisp;
    for (const text of options.eval) await runner.evaluateTextWaiting(text, "-e");
    if (file !== undefined && content !== null) await runner.runProgramWaiting(sourceTextOf(content, file), file);
    else if (isPrompt && engine === "wasm")
      throw new OperationError("option", "--engine", "the prompt runs on the interpreter only");
    else if (isPrompt) return await talk(lisp);
    return 0;
  });
  return compiled !== null && options.gcReport === true ? { ...end, report: gcReport(compiled) } : end;
}

function refuseCollectorOptions({ nursery, gcReport }: HeapOptions): void {
  if (nursery === undefined && gcReport !== true) return;
  throw new OperationError(
    "option",
    nursery === undefined ? "--gc-report" : "--nursery",
    "the interpreter has no heap of its own; compiled programs have",
  );
}

/** From sources there is none that was made before. */
function freshImage(): Uint8Array {
  return new CompiledLisp(new Lisp(), { wasm: new NodeWasmEngine() }).engine.saveImage();
}

export function libraryFolders(first: readonly string[], file: string | undefined): string[] {
  return [...first, ...(file === undefined ? [] : [dirname(file)]), ".", ownLibraryFolder(), installedLibraryFolder()];
}

export function checkEngine(engine: string): void {
  if (!["interpreter", "wasm"].includes(engine))
    throw new OperationError("option", "--engine", `${engine} is no engine; take interpreter or wasm`);
}

export function programText(file: string): string {
  const content = programContent(file);
  if (unpackProgram(content, file) !== null)
    throw new OperationError("program", file, "is a built program; its source is needed");
  try {
    return sourceTextOf(content, file);
  } catch (error) {
    if (!(error instanceof SchemeError) || !(error.payload instanceof Condition)) throw error;
    const { message, source } = error.payload;
    throw new OperationError("program", file, `line ${source?.line}: ${String(message)}`, { cause: error });
  }
}

function programContent(file: string): Buffer {
  try {
    if (statSync(file).isDirectory()) throw new OperationError("program", file, "is a folder");
    return readFileSync(file);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new OperationError("program", file, hostReason(error), { cause: error });
  }
}
