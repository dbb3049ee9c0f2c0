/** `stratos lisp dap`: a debug adapter for programs in Lisp. */
import { dirname, resolve } from "node:path";
import { NodeEventLoop } from "@stratos/host-node";
import { Lisp } from "@stratos/lisp";
import { LispDebugAdapter, type LaunchedProgram, type LaunchRequest } from "@stratos/lisp/debug-adapter";
import {
  folderFinder,
  installedLibraryFolder,
  nodeSystem,
  ownLibraryFolder,
  programText,
} from "@stratos/tools-node/lisp";
import { serveDebugger } from "./serve-debugger.ts";

/** @param libraryPath  beside those that the editor says when it starts a program */
export async function serveLispDebugger(libraryPath: readonly string[], port: number | "-"): Promise<void> {
  const loop = new NodeEventLoop();
  const launch = (request: LaunchRequest): LaunchedProgram => launchProgram(request, libraryPath);
  await serveDebugger("dap", port, (write) => new LispDebugAdapter({ write, loop, launch }));
}

function launchProgram(request: LaunchRequest, libraryPath: readonly string[]): LaunchedProgram {
  const { args, output, error } = request;
  const file = resolve(request.program);
  // Editors name files whole.
  const folders = [...request.libraryPath, ...libraryPath, dirname(file), "."].map((folder) => resolve(folder));
  const own = ownLibraryFolder();
  const lisp = new Lisp({
    // Standard input is the editor's.
    system: {
      ...nodeSystem([request.program, ...args]),
      standardInput: () => null,
      standardOutput: output,
      standardError: error,
    },
    findLibrary: folderFinder([...folders, own, installedLibraryFolder()]),
  });
  return { lisp, text: programText(file), file, isShown: (of) => !of.startsWith(`${own}/`) };
}
