/**
 * What a plugin of a hub is: an ES module whose default export says so. It runs in a thread of its own; what it is
 * given and what it answers are JSON.
 */
import type { EventView, TaskSubmission, TaskView } from "./task-views.ts";

/** Of plugins that are taken. A hub that could not keep what this promises would have another number. */
export const PLUGIN_CONTRACT = 1;

export interface HubPlugin<Settings = Readonly<Record<string, unknown>>> {
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
}

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
  readonly hooks: readonly ("submission" | "event")[];
  readonly events: readonly string[];
  /** Since the hub's start. */
  readonly calls: number;
  readonly failures: number;
  /** What went wrong last. */
  readonly message: string | null;
}
