/** Package management's touch of the host: fetching, keeping, unpacking, and what the host's apt knows. */
export { nodePackagePorts, type NodePackagePorts } from "./node-package-ports.ts";
export { findMirror, readAptSources, type Mirror } from "./apt-sources.ts";
export { HttpFetcher } from "./http-fetcher.ts";
export { FolderStore } from "./folder-store.ts";
export { UnpackPool } from "./unpack-pool.ts";
export { unpackStream } from "./unpack-stream.ts";
export { FolderWriter } from "./folder-writer.ts";
export { buildRootFolder, type RootFolderRequest } from "./build-root-folder.ts";
export { FolderRoot } from "./folder-root.ts";
export { ChrootRunner, nodeAlpmPorts, nodeAlpmSystem, type NodeAlpmSystem } from "./alpm-system.ts";
export { readDebFolder } from "./deb-folder.ts";
export { describePackage } from "./pool-index.ts";
export { RepositoryFolder } from "./repository-folder.ts";
export { repositoryServer } from "./repository-server.ts";
export {
  cloneGit,
  copyRecipe,
  fetchRecipe,
  findParu,
  HostProgramError,
  openBuildRoot,
  readRecipeFolder,
  runOnTerminal,
} from "./build-host.ts";
export { lockHolder } from "./lock-holder.ts";
export { FolderFiles } from "./folder-files.ts";
