/** Programs with tests of SRFI 64: each is run by itself, and what failed is told. */
import { type CompiledLisp, Lisp, type System, testPrograms } from "@stratos/lisp";
import {
  checkEngine,
  compiling,
  folderFinder,
  libraryFolders,
  nodeSystem,
  programText,
  runtimeImage,
} from "@stratos/tools-node/lisp";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { failuresText } from "./test-words.ts";

export interface TestOptions {
  readonly json?: boolean;
  readonly libraryPath: readonly string[];
  readonly engine?: string;
  readonly allowJavascript?: boolean;
}

/** @returns the exit status */
export async function runTests(
  files: readonly string[],
  { json, libraryPath, engine = "wasm", allowJavascript = false }: TestOptions,
): Promise<number> {
  checkEngine(engine);
  const programs = files.map((file) => ({ file, text: programText(file) }));
  const makeRunner = (file: string, system: System): { lisp: Lisp; runner: Lisp | CompiledLisp } => {
    const lisp = new Lisp({ system, findLibrary: folderFinder(libraryFolders(libraryPath, file)) });
    return { lisp, runner: engine === "wasm" ? compiling(lisp, runtimeImage()) : lisp };
  };
  const isJson = json === true;
  const tested = await testPrograms(programs, {
    systemOf: (file) => {
      const system = nodeSystem([file], { allowJavascript });
      return isJson ? { ...system, standardOutput: system.standardError } : system;
    },
    makeRunner,
    onFile: (result) => void (isJson || process.stdout.write(failuresText(result))),
  });
  const { passed, failed, expectedFailures, skipped } = tested;
  if (isJson) process.stdout.write(`${JSON.stringify(tested)}\n`);
  else {
    if (expectedFailures + skipped > 0)
      process.stdout.write(`${expectedFailures} failed as expected, ${skipped} skipped\n`);
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
  }
  return failed === 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
