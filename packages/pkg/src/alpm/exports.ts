/** What of ALPM is seen outside of the package. */
export { Alpm, AlpmLockError, type AlpmOptions } from "./alpm.ts";
export {
  ConfigurationError,
  readConfiguration,
  type AlpmConfiguration,
  type ConfigurationSources,
} from "./configuration.ts";
export { standardListener, type AlpmEvent, type AlpmListener, type AlpmQuestion } from "./events.ts";
export type { AlpmPackage, InstalledPackage, InstallReason, SyncPackage } from "./alpm-package.ts";
export { DescError } from "./desc.ts";
export { parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
export { compareAlpmVersions } from "./version.ts";
export { LocalDatabase, type LocalEntry } from "./local-database.ts";
export { readSyncDatabase, writeSyncDatabase, SyncDatabase, type DatabaseEntry } from "./sync-database.ts";
export {
  openAlpmPackage,
  writeAlpmPackage,
  type NewFile,
  type NewPackage,
  type PackageArchive,
} from "./package-archive.ts";
export type { PackageInfo } from "./package-info.ts";
export { AlpmRequestError, type TransactionPlan, type TransactionWish } from "./plan-transaction.ts";
export { AlpmUnsatisfiableError } from "./resolve.ts";
export { FileConflictError } from "./stage-files.ts";
export { Keyring, SignatureError, type KeyringFile } from "./signatures.ts";
export type { AlpmPorts, AlpmSystem, RootRunner } from "./system.ts";
export { AlpmTransaction, type GivenArchive, type TransactionOptions } from "./transaction.ts";
export { parseMtree, formatMtree, type MtreeEntry } from "./mtree.ts";
export { listedPaths } from "./package-archive.ts";
export { AUR_URL, AurClient, AurError, type AurPackage, type AurSearchBy } from "./build/aur.ts";
export { planBuilds, type BuildPlan, type BuildStep } from "./build/plan-builds.ts";
export {
  buildPackages,
  readRecipe,
  BuildError,
  type BuildRoot,
  type BuildSettings,
  type BuiltPackage,
} from "./build/build-package.ts";
export { formatSourceInfo, parseSourceInfo, RecipeError, type Recipe } from "./build/recipe.ts";
export { parsePkgbuild } from "./build/pkgbuild.ts";
export { ShellError } from "./build/shell-words.ts";
