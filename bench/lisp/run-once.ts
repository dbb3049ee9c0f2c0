/** Runs one program on the compiling engine, with the CPU's time as its clock: `run-once.ts PROGRAM < INPUT`. */
import { readFileSync } from "node:fs";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, ExitRequest, Lisp } from "@stratos/lisp";
import { folderFinder, nodeSystem, ownLibraryFolder } from "@stratos/tools-node/lisp";

const [file] = process.argv.slice(2) as [string];
const microseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const lisp = new Lisp({
  findLibrary: folderFinder([ownLibraryFolder()]),
  system: { ...nodeSystem([file]), currentJiffy: microseconds, currentSecond: () => microseconds() / 1e6 },
});
try {
  new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), memoryBytes: 2 * 1024 ** 3 }).runProgram(
    readFileSync(file, "utf8"),
    file,
  );
} catch (error) {
  if (error instanceof ExitRequest) process.exit(error.status);
  process.stderr.write(`${lisp.describe(error) ?? (error as Error).stack}\n`);
  process.exitCode = 1;
}
