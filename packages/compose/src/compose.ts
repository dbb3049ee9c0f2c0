/**
 * Composes: one declarative file becomes images in many formats, the same bytes on any host.
 *
 * `treefile/` reads and merges what is wanted, `phase/` runs the steps to it. Everything outside is reached through ports.
 */
export { isList, isObject, canonicalJson, type Json, type JsonObject } from "./treefile/json.ts";
export { formatProblem, TreefileError, type TreefileProblem } from "./treefile/parse.ts";
export { TREEFILE_SCHEMA, PHASES, OUTPUT_FORMATS, type ImageConfig, type OutputConfig, type OutputFormat, type PhaseName } from "./treefile/schema.ts";
export { DEFAULT_VARIANT, formatTreefile, loadTreefile, substitute, Treefile, type ImageTarget, type ReadText } from "./treefile/treefile.ts";
export { GraphError, orderNodes, type GraphNode } from "./phase/graph.ts";
export { runGraph, type PoolOptions, type Step, type StepEvent, type StepResult, type StepStatus } from "./phase/run-graph.ts";
