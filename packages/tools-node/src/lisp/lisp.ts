/** AstraLisp on Node: its files and streams, programs that run, and programs that are built ahead. */
export { astraProgram, packedAstraName } from "./astra-program.ts";
export { buildProgram, WITH_JAVASCRIPT } from "./build-program.ts";
export { unpackProgram } from "./built-program.ts";
export { compiling, endOf, type LispEnd, runBuilt } from "./compiled-runner.ts";
export {
  documentationFiles,
  folderFinder,
  installedLibraryFolder,
  nodeSystem,
  ownLibraryFolder,
  packedRuntimeName,
  runtimeImage,
  standardError,
} from "./node-system.ts";
export { serveFutures } from "./serve-futures.ts";
export { profileProgram, type ProfileRequest } from "./profile-program.ts";
export { checkEngine, libraryFolders, type LispOptions, programText, runLisp } from "./run-lisp.ts";
