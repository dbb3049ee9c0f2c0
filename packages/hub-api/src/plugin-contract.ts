/**
 * What a plugin of a hub, a builder or a compose is: an ES module whose default export says so. It runs in a thread of
 * its own; what it is given and what it answers are JSON. Each asks those of its functions that it knows a plugin by.
 */
import type { EventView, TaskSubmission, TaskView } from "./task-views.ts";

/** Of plugins that are taken. Whoever could not keep what this promises would have another number. */
export const PLUGIN_CONTRACT = 1;

export interface PluginModule<Settings = Readonly<Record<string, unknown>>> {
  readonly contract: typeof PLUGIN_CONTRACT;
  readonly version?: string;
  readonly description?: string;
  /** JSON Schema (2020-12) of its settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Which events it is told of, such as `COMPLETED`. */
  readonly events?: readonly string[];
  /** Before anything else, once for each thread. */
  start?(about: PluginStart<Settings>): unknown;
  /**
   * A task that somebody submits, before it is one.
   * @returns nothing: as it is; another task instead; or why there shall be none
   */
  submission?(task: TaskSubmission, about: { readonly owner: string }): Answer<TaskSubmission | PluginRefusal>;
  /**
   * What happened. A throw is tried again; what it did outside of the hub may be done twice, what it answers is not.
   * @returns tasks that the hub shall submit, for `plugin:NAME`
   */
  event?(event: EventView, about: { readonly task: TaskView | null }): Answer<PluginEffects>;
  /**
   * Before and after each stage of a build.
   * @returns nothing: the build goes on; or why it shall fail
   */
  stage?(at: BuildStage): Answer<PluginRefusal>;
  /**
   * Before an image of a compose is built, and when its outputs are made.
   * @returns nothing: the compose goes on; or why it shall fail
   */
  image?(at: ImagePoint): Answer<PluginRefusal>;
}

/** As a builder's hooks read it. */
export interface BuildStage {
  readonly when: "pre" | "post";
  /** `Fetch`, `Install-Deps`, `Unpack`, `Build`, `Check`, `Post` */
  readonly stage: string;
  readonly request: {
    readonly source: unknown;
    readonly suite: string;
    readonly architecture: string;
    readonly hostArchitecture?: string;
    readonly profiles: readonly string[];
  };
  /** Once it has been fetched. */
  readonly source?: { readonly name: string; readonly version: string };
  /** Folder of what the build has written, where there is one. */
  readonly root?: string;
  readonly layers: readonly string[];
}

export interface ImagePoint {
  readonly point: "before-build" | "after-outputs";
  readonly name: string;
  readonly version: string;
  readonly variant: string;
  readonly architecture: string;
  /** What was made, from the folder that it goes into; none before. */
  readonly artifacts: readonly string[];
}

export type PluginHook = "submission" | "event" | "stage" | "image";

type Answer<Value> = Value | undefined | void | Promise<Value | undefined | void>;

export interface PluginStart<Settings> {
  readonly settings: Settings;
  readonly contract: typeof PLUGIN_CONTRACT;
}
export interface PluginRefusal {
  readonly refuse: string;
}
export interface PluginEffects {
  readonly submit?: readonly TaskSubmission[];
}

/** READY: it answers. PAUSED: it failed too often, and is asked again later. BROKEN: it could not be loaded. */
export type PluginState = "READY" | "PAUSED" | "BROKEN";

/** A plugin, as the hub that answers has it. */
export interface PluginView {
  readonly name: string;
  readonly version: string | null;
  readonly description: string;
  readonly state: PluginState;
  /** Nothing is submitted while it fails. */
  readonly isRequired: boolean;
  readonly hooks: readonly PluginHook[];
  readonly events: readonly string[];
  /** Since the hub's start. */
  readonly calls: number;
  readonly failures: number;
  /** What went wrong last. */
  readonly message: string | null;
}
