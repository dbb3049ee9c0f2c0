/** What of ALPM is seen outside of the package. */
export { Alpm, AlpmLockError, type AlpmOptions } from "./alpm.ts";
export { ConfigurationError, readConfiguration, type AlpmConfiguration, type ConfigurationSources } from "./configuration.ts";
export { standardListener, type AlpmEvent, type AlpmListener, type AlpmQuestion } from "./events.ts";
export type { AlpmPackage, InstalledPackage, InstallReason, SyncPackage } from "./alpm-package.ts";
export { DescError } from "./desc.ts";
export { AlpmDependencyError, parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
export { compareAlpmVersions } from "./version.ts";
export { LocalDatabase, type LocalEntry } from "./local-database.ts";
export { readSyncDatabase, writeSyncDatabase, SyncDatabase, type DatabaseEntry } from "./sync-database.ts";
export { openAlpmPackage, writeAlpmPackage, type NewFile, type NewPackage, type PackageArchive } from "./package-archive.ts";
export type { PackageInfo } from "./package-info.ts";
export { AlpmRequestError, type TransactionPlan, type TransactionWish } from "./plan-transaction.ts";
export { AlpmUnsatisfiableError } from "./resolve.ts";
export { FileConflictError } from "./stage-files.ts";
export { Keyring, SignatureError, type KeyringFile } from "./signatures.ts";
export type { AlpmPorts, AlpmSystem, RootRunner } from "./system.ts";
export { AlpmTransaction, type GivenArchive, type TransactionOptions } from "./transaction.ts";
