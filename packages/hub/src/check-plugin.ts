/** A plugin that its author tries, without a hub. */
import { basename, resolve } from "node:path";
import type { PluginHook, PluginView } from "@stratos/hub-api";
import { taskFault } from "./api/task-fault.ts";
import { PluginFault } from "./plugins/plugin-thread.ts";
import { Plugin, PLUGIN_TIMES } from "./plugins/plugin.ts";

/** What a plugin is asked when it is tried. */
export interface PluginTrial {
  /** A task that somebody submits. */
  readonly submission?: { readonly task: unknown; readonly owner: string };
  /** An event, as `hub event --json` shows it, and its task, as `hub task show --json` does. */
  readonly event?: { readonly event: unknown; readonly task: unknown };
}

interface PluginCheck {
  readonly plugin: PluginView;
  /** By what was asked: what a hub would make of its answer. */
  readonly answers: { readonly submission?: unknown; readonly event?: unknown };
}

/**
 * Loads one as a hub would, asks it what a hub would, and leaves it. What it does elsewhere it does.
 *
 * @param file  its module, with its settings beside it
 * @throws PluginFault for what it cannot be asked, and for answers that no hub takes
 */
export async function checkPlugin(
  file: string,
  warn: (message: string) => void,
  { submission, event }: PluginTrial = {},
): Promise<PluginCheck> {
  const plugin = new Plugin(basename(file, ".mjs"), resolve(file), { times: PLUGIN_TIMES, warn });
  try {
    await plugin.load();
    const answers: { submission?: unknown; event?: unknown } = {};
    if (submission !== undefined && plugin.view().state !== "BROKEN") {
      const { task, owner } = submission;
      const [answer] = (await askFor(plugin, "submission", [task], { owner })) as [unknown];
      if (!Object.hasOwn(Object(answer), "refuse")) demandTasks([answer], "submission()");
      answers.submission = answer;
    }
    if (event !== undefined && plugin.view().state !== "BROKEN") {
      const { what } = Object(event.event) as { what?: unknown };
      if (typeof what !== "string" || !plugin.wants(what))
        throw new PluginFault(`it is not told of ${String(what)}; its events are ${plugin.view().events.join(", ")}`);
      const answer = (await askFor(plugin, "event", event.event, { task: event.task })) ?? {};
      const { submit = [] } = Object(answer) as { submit?: unknown };
      demandTasks(submit, "event()");
      answers.event = { submit };
    }
    return { plugin: plugin.view(), answers };
  } finally {
    await plugin.close();
  }
}

function askFor(plugin: Plugin, hook: PluginHook, ...given: readonly unknown[]): Promise<unknown> {
  if (!plugin.has(hook)) throw new PluginFault(`it has no ${hook}()`);
  return plugin.call(hook, ...given);
}

/** @throws PluginFault */
function demandTasks(tasks: unknown, from: string): void {
  if (!Array.isArray(tasks)) throw new PluginFault(`${from} answered no list of tasks`);
  for (const task of tasks) {
    const fault = taskFault(task);
    if (fault !== null) throw new PluginFault(`${from} answered what is no task: ${fault}`);
  }
}
