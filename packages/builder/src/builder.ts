/**
 * Packages built from source in clean roots. A request becomes a result (`build`), over ports: package archives and
 * layers as composes have them, and a carrier that clones roots (`ports.ts`).
 */
export * from "./build-request.ts";
export { build } from "./build.ts";
export { binNmuFault, type BinNmu } from "./bin-nmu/changelog-entry.ts";
export {
  BUILD_FOLDER,
  BUILD_USER,
  buildEnvironment,
  surroundingsOf,
  type BuildEnvironment,
} from "./build-environment.ts";
export {
  InfrastructureError,
  type BroughtFile,
  type BuilderPorts,
  type CleanRoot,
  type CloneSettings,
  type HookJob,
  type HookRunner,
  type LayerContent,
  type LayerInfo,
  type RootCarrier,
  type RootCommand,
  type RootExit,
  type SourceFiles,
} from "./ports.ts";
export {
  buildNeeds,
  reduceRelations,
  type BuildNeeds,
  type BuildSurroundings,
} from "./dependencies/build-relations.ts";
export { isInArchitectureList, matchesArchitecture } from "./dependencies/architecture-match.ts";
export { fetchSource, openSourceIndex, type FetchedSource } from "./source/fetch-source.ts";
export { planBuildRoot } from "./root/choose-by-apt.ts";
export { planRoot, type PackageReason, type RootPlan, type RootRequest } from "./root/plan-root.ts";
export { layerBetween, layersOf, makeLayers, type RootLayers } from "./root/make-layers.ts";
export { provenanceStatement } from "./record/provenance.ts";
export {
  CONFIG_KEYS,
  ConfigError,
  mergeConfig,
  sizeOf,
  type ConfigLayer,
  type Setting,
} from "./config/builder-config.ts";
export { comparePackages, type PackageDifference } from "./verify/compare-packages.ts";
export { parseBuildInfo, requestOfBuildInfo, type BuildInfo } from "./verify/buildinfo.ts";
export { VARIATIONS, variedRequests } from "./verify/reprotest.ts";
export { runAutopkgtest } from "./checks/autopkgtest.ts";
export { runLintian } from "./checks/lintian.ts";
