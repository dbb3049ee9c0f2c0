export {
  type BuilderSession,
  type BuilderSessionOptions,
  carrierFor,
  openBuilderSession,
  telling,
} from "./builder-session.ts";
export { type BuilderSettings, type BuilderWishes, configPlaces, readSettings, settingsOf } from "./config-files.ts";
export { compareBuilds, compareWithInfo, type PackageComparison } from "./compare-builds.ts";
export {
  builderCaches,
  enterRoot,
  listLayers,
  makeRootLayers,
  pruneLayers,
  removeLayers,
  scrubLayers,
  shortKey,
  updateBases,
} from "./roots.ts";
export { runBuild, testSummary } from "./run-build.ts";
export { parseSourceReference } from "./source-reference.ts";
