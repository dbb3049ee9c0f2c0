/**
 * Packages: repositories, versions, dependencies, archives (`debian/`, `alpm/`), and root filesystems made of them.
 *
 * Everything that touches the outside goes through {@link PackagePorts}; `@stratos/tools-node/packages` has those of
 * Node.
 */
export { insteadOfTask, packagesOfTask } from "./debian/resolver/expand-requests.ts";
export * from "./ports.ts";
export { download, readVerified, inParallel, IntegrityError, type WantedFile } from "./download.ts";
export { ControlError, Stanza, parseControl, parseSingleStanza } from "./debian/control.ts";
export {
  acceptsVersion,
  DependencyError,
  parseDependencies,
  formatDependency,
  type Alternative,
  type Dependency,
} from "./debian/dependency.ts";
export { compareVersions, isVersion, satisfiesRelation, type Relation } from "./debian/version.ts";
export {
  BinaryPackage,
  PackageIndex,
  type PackageOrigin,
  type Provider,
  type RelationField,
} from "./debian/package-index.ts";
export { buildPackageTable, type PackageTable } from "./debian/index/package-table.ts";
export { InstalledState, keyOf, parseInstalledState, isVital, type InstalledEntry } from "./debian/installed-state.ts";
export {
  APT_UNNEEDED,
  AptConfigurationError,
  aptSettings,
  type AptSettings,
  isAptConfPart,
  type UnneededRules,
} from "./debian/apt-configuration.ts";
export { aptProxies, type ProxyOf } from "./debian/apt-proxies.ts";
export {
  globOf,
  isOfRelease,
  parsePreferences,
  priorities,
  targetRelease,
  PolicyError,
  type Pin,
} from "./debian/policy.ts";
export {
  planChange,
  type ChangeRequest,
  type PlannedChange,
  type PlannedInstall,
  type PlannedRemoval,
} from "./debian/resolver/plan-change.ts";
export { findViolations } from "./debian/violations.ts";
export { upgradableOf } from "./debian/upgradable.ts";
export { resolve, UnsatisfiableError, type ResolveRequest, type ResolvedPackage } from "./debian/resolver/resolve.ts";
export { SolverLimitError } from "./solver/solver.ts";
export { ComponentError, ReleaseError, verifyInRelease, parseRelease, type Release } from "./debian/release.ts";
export { trixieKeyrings } from "./debian/trixie-keys.ts";
export { loadRepository, packageFile, releaseOf, suiteUrlOf, type RepositorySource } from "./debian/repository.ts";
export { loadSources, SourceIndex, wantedSourceFiles, type SourcePackage } from "./debian/source-index.ts";
export { parseSource, sourceFiles, SourceError, type SourceFile } from "./debian/source-package.ts";
export {
  MirrorError,
  SuiteError,
  NO_MIRROR,
  UnreachableError,
  repositoryError,
  chooseMirror,
  parseSourcesList,
  parseSourcesStanzas,
  type SourceEntry,
} from "./debian/sources.ts";
export { signedByOf, withOnly, type Keyring } from "./debian/keyring.ts";
export {
  DebError,
  openDeb,
  readTar,
  requireIdentity,
  visitData,
  visitDataFiles,
  type ControlFile,
  type DebArchive,
} from "./debian/deb-archive.ts";
export { listDebMembers } from "./debian/deb-listing.ts";
export {
  buildDeb,
  controlProblems,
  debFileName,
  debProblems,
  type BuiltDeb,
  type DebEntry,
  type DebSource,
  type DebTools,
} from "./debian/deb-writer.ts";
export { signDeb, verifyDebSignature } from "./debian/deb-signature.ts";
export {
  archiveFiles,
  checkSettings,
  poolPath,
  type ArchiveFile,
  type ArchiveSettings,
  type ArchiveTools,
  type PoolEntry,
} from "./debian/archive/archive-index.ts";
export {
  createSigningKey,
  publicHalf,
  signDetached,
  signRelease,
  type SigningKey,
} from "./debian/archive/signing-key.ts";
export {
  EXTENDED_STATES,
  loadSystemIndex,
  markHeld,
  readSystem,
  updateExtendedStates,
  type DebianSystem,
  type SystemFiles,
  type SystemIndexOptions,
} from "./debian/system.ts";
export {
  installedDependents,
  relationsOf,
  searchPackages,
  sentenceOf,
  whyInstalled,
  type NeedLink,
  type SearchHit,
} from "./debian/queries.ts";
export {
  transactionScript,
  transactionSteps,
  type TransactionInput,
  type TransactionStep,
} from "./debian/transaction/transaction-script.ts";
export { repackDeb } from "./debian/transaction/repack.ts";
export { variantPackages } from "./debian/image/plan.ts";
export { unpackOrder } from "./debian/image/unpack-order.ts";
export { MemoryRoot, type MemoryNode, type RootMeta, type RootWriter } from "./root/root-writer.ts";
export { treeEntryMeta, writeTreeEntry } from "./root/tree-entry.ts";
export { RootTree, RootTreeError } from "./root/root-tree.ts";
export {
  planImage,
  type ImagePlan,
  type ImageRequest,
  type ImageVariant,
  type PlannedPackage,
  type PreparedPlan,
} from "./debian/image/plan.ts";
export {
  lockOf,
  LockError,
  parsePackageLock,
  planFromLock,
  type LockedPackage,
  type PackageLock,
} from "./debian/image/lock.ts";
export {
  activatedTriggers,
  dpkgDatabase,
  architecturesText,
  infoName,
  parseConffiles,
  statusStanza,
  type UnpackedPackage,
} from "./debian/image/dpkg-database.ts";
export { unpackEntries, unpackPackage, type UnpackTools, type VisitEntries } from "./debian/image/unpack-package.ts";
export {
  forbidServices,
  layAfterPackages,
  layBeforePackages,
  type LayoutSettings,
} from "./debian/image/base-layout.ts";
export { buildRoot, type RootOptions, type RootSummary } from "./debian/image/build-root.ts";
export {
  configuredPackage,
  configureScript,
  CONFIGURE_SCRIPT,
  actsBeforeUnpack,
  PREINST_FOLDER,
  preinstScript,
  type ScriptedPackage,
} from "./debian/image/configure-script.ts";
export type { DeviceNumber, RootFiles, RootNode } from "./root/root-files.ts";
export {
  RootChanges,
  ChangeError,
  CHANGES_FOLDER,
  type ChangeDraft,
  type ChangeNote,
  type ChangeRecord,
} from "./root/root-change.ts";
export { RootPathError, placeOf, targetOf } from "./root/root-paths.ts";
export * from "./alpm/exports.ts";
export { SYSTEM_LIST_SCHEMA, type SystemListText } from "./system-list/schema.ts";
export { readSystemList, SystemListError, type ListSources, type SystemList } from "./system-list/read-list.ts";
export {
  applySystemList,
  diffSystemList,
  type DebianHand,
  type ListHands,
  type ListNote,
} from "./system-list/apply-list.ts";
export { debianChanges, planDebianList, type DebianListPlan, type DebianWish } from "./system-list/debian-list.ts";
export { describeListChange, namesOf, type ListChange } from "./system-list/list-change.ts";
export { ListRecordError, readListRecord } from "./system-list/list-record.ts";
