export { isFolder, readRecipes } from "./compose-folder.ts";
export {
  findArchive,
  type ComposeFolders,
  type ComposeSessionOptions,
  openComposeSession,
  outputWriters,
  telling,
} from "./compose-session.ts";
export { findOutput } from "./composed-output.ts";
export { diskOutputs } from "./disk-output.ts";
export { lockModeOf, lockPath, readLock, writeLock } from "./lock-file.ts";
export {
  hostText,
  missingFiles,
  openTreefile,
  requireFiles,
  selectTargets,
  chosenArchitectures,
} from "./open-treefile.ts";
export { readSource } from "./read-source.ts";
