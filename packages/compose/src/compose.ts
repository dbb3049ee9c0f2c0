/**
 * Composes: one declarative file becomes images in many formats, the same bytes on any host.
 *
 * `treefile/` reads and merges what is wanted, `phase/` runs the steps to it. Everything outside is reached through
 * ports.
 */
export { hostHooksOf, type HostHookMode } from "./build/host-hooks.ts";
export { isList, isObject, canonicalJson, type Json, type JsonObject } from "./treefile/json.ts";
export { formatProblem, TREEFILE_SIZE_MAX, TreefileError, type TreefileProblem } from "./treefile/parse.ts";
export { TREEFILE_SCHEMA, type ImageConfig } from "./treefile/schema.ts";
export { PHASES, type PhaseName } from "./treefile/schema-build.ts";
export {
  OUTPUT_FORMATS,
  type ContainerConfig,
  type HealthcheckConfig,
  type OstreeConfig,
  type OutputConfig,
  type OutputFormat,
} from "./treefile/schema-output.ts";
export type { EncryptionConfig, PartitionConfig } from "./treefile/schema-disk.ts";
export {
  DEFAULT_VARIANT,
  formatTreefile,
  loadTreefile,
  substitute,
  Treefile,
  type ImageTarget,
  type ReadText,
} from "./treefile/treefile.ts";
export { GraphError, orderNodes, type GraphNode } from "./phase/graph.ts";
export { SharedWork } from "./phase/shared-work.ts";
export {
  runGraph,
  type PoolOptions,
  type Step,
  type StepEvent,
  type StepResult,
  type StepStatus,
} from "./phase/run-graph.ts";
export * from "./ports.ts";
export {
  diffPackages,
  EMPTY_LOCK,
  formatLock,
  lockKey,
  LockError,
  parseLock,
  packageRequest,
  type Lock,
  type LockedImage,
  type LockedPackage,
  type PackageDifference,
  type StageName,
} from "./gather/lock.ts";
export { checkImage } from "./check-images.ts";
export { checkOutputs } from "./check-outputs.ts";
export { tellingRequest } from "./gather/request-place.ts";
export { checkAnswers } from "./gather/check-answers.ts";
export { fitsLock } from "./gather/package-files.ts";
export { fetchPackages, lockChosen, resolveImage, type Archive } from "./gather/resolve-image.ts";
export type { StageEvent, StageJob } from "./build/stage-job.ts";
export { buildStages, type BuiltRoot } from "./build/stages.ts";
export { TreeBuilder } from "./build/tree-builder.ts";
export { archiveEpoch } from "./gather/epoch.ts";
export { CustomizeError } from "./build/customize.ts";
export { type ComposeInfo, type ImageInfo } from "./metadata/composeinfo.ts";
export { checkPhases, NO_WORK, planSteps, type PhaseWork, type StepOptions } from "./plan-steps.ts";
export {
  OutputError,
  runCompose,
  type ComposeEvent,
  type ComposeRequest,
  type ComposeResult,
  type LockMode,
} from "./run-compose.ts";
export { splitLayers } from "./build/split-layers.ts";
export {
  diffComposes,
  diffTrees,
  type ComposedImage,
  type FileDifference,
  type ImageDifference,
  type ValueDifference,
} from "./metadata/diff-composes.ts";
export { lockOf, parseProvenance, ProvenanceError, type Recipe } from "./metadata/provenance.ts";
export { PackBlob, readTree } from "./build/manifest.ts";
export { mockConfig, MockConfigError } from "./metadata/mock-config.ts";
