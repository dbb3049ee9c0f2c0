/** Options of `stratos compose`, as commander fills them in. */
import type { ComposeHubOptions } from "../hub/compose-sources.ts";

interface ComposeJsonOptions {
  readonly json?: true;
}

/** What becomes of keys that treefiles do not have. */
export interface UnknownKeyOptions {
  readonly unknownKeys?: "refuse" | "warn";
}

export interface ComposeValidateOptions extends ComposeJsonOptions, UnknownKeyOptions {}

interface ComposeSelection extends UnknownKeyOptions {
  readonly variant?: readonly string[];
  readonly arch?: readonly string[];
}

export interface ComposeExportOptions extends ComposeSelection {
  readonly all?: true;
  readonly format: "yaml" | "json" | "mock";
  readonly output?: string;
}

/** Options of what looks at an archive. */
export interface ComposePlanOptions extends ComposeSelection, ComposeJsonOptions, ComposeHubOptions {
  readonly mirror?: string;
  readonly lock?: string;
  readonly locked?: true;
  readonly update?: true;
  readonly skipPhase: readonly string[];
}

export interface ComposeRunOptions extends ComposePlanOptions {
  readonly output: string;
  readonly jobs?: number;
  readonly sequential?: true;
  readonly timeout?: number;
  readonly runner?: "auto" | "stratos" | "native";
  readonly allowHostHooks?: true;
  readonly plugin?: readonly string[];
  readonly verbose?: true;
}

export interface ComposeDiffOptions extends ComposeSelection, ComposeJsonOptions {
  readonly mirror?: string;
  readonly lock?: string;
  readonly files?: true;
}

export interface ComposeRebuildOptions extends ComposeJsonOptions {
  readonly output: string;
  readonly mirror?: string;
  readonly sources?: string;
  readonly runner?: "auto" | "stratos" | "native";
  readonly verbose?: true;
}

export interface ComposeCleanOptions extends ComposeJsonOptions {
  /** days */
  readonly olderThan?: number;
  readonly dryRun?: true;
}
