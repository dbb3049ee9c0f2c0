/** `stratos hub plugin`. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { hostReason } from "@stratos/host-node/home";
import type { PluginHook, PluginView } from "@stratos/hub-api";
import { printable } from "@stratos/base";
import type { PluginTrial } from "@stratos/hub";
import { CommandError, UsageError } from "../command-error.ts";
import { withHub } from "../hub/hub-client.ts";
import { listOf, printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, row } from "./hub-options.ts";
import { readObject } from "./hub-task.ts";
import { jsonOption, type Finish } from "./row-options.ts";

export function pluginCommand(finish: Finish): Command {
  const plugin = noun("plugin", "see what a hub's plugins do, and load them anew");
  plugin.addCommand(
    row("ls", "list plugins", "Lists the plugins of the hub that answers: whether they work, and what went wrong last.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listOf<PluginView>("/plugins", options, COLUMNS))),
  );
  plugin.addCommand(
    row(
      "restart",
      "load plugins anew",
      "Loads plugins anew, from their files as they are now; ends with 1 if one is broken.",
    )
      .argument("<plugin...>", "their names")
      .addOption(jsonOption())
      .action(async (names: readonly string[], options: Listing) => finish(await restartPlugins(names, options))),
  );
  plugin.addCommand(
    noun("new", "write a plugin to begin with")
      .usage("FILE")
      .description("Writes a module with each function that a hub, a builder or a compose asks of a plugin.")
      .argument("<file>", "its module, NAME.mjs; what is there stays")
      .action(async (file: string) => finish(await begin(file))),
  );
  plugin.addCommand(
    noun("check", "load a plugin as a hub, a builder or a compose would")
      .usage("[OPTIONS] FILE")
      .description(
        "Loads a plugin as a hub, a builder or a compose would, with the settings beside it, and prints what it says " +
          "of itself; with --submission or --event what a hub would make of its answer. What it does elsewhere when " +
          "it is asked, it does.",
      )
      .argument("<file>", "its module, NAME.mjs")
      .option("--submission <task>", "ask submission() about this task: JSON, as POST /v1/tasks takes it, or @FILE")
      .option("--owner <name>", "who submits it", "anna")
      .option("--event <event>", "tell event() of this: JSON, as a line of `hub event --json`, or @FILE")
      .option("--task <task>", "with --event: its task, as `hub task show --json` has it, or @FILE")
      .addOption(jsonOption())
      .action(async (file: string, options: CheckOptions) => finish(await check(file, options))),
  );
  return plugin;
}

/** Events are told one by one. */
const WORDS: Partial<Readonly<Record<PluginHook, string>>> = {
  submission: "submissions",
  stage: "stages of builds",
  image: "images of composes",
};
const COLUMNS: Readonly<Record<string, (plugin: PluginView) => string>> = {
  PLUGIN: ({ name }) => name,
  STATE: ({ state, isRequired }) => (isRequired ? `${state}, required` : state),
  VERSION: ({ version }) => version ?? "",
  "ASKED ABOUT": ({ hooks, events }) => [...hooks.flatMap((hook) => WORDS[hook] ?? []), ...events].join(", "),
  CALLS: ({ calls }) => String(calls),
  FAILURES: ({ failures }) => String(failures),
  "LAST FAULT": ({ message }) => message ?? "",
};

function restartPlugins(names: readonly string[], options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const made: PluginView[] = [];
    for (const name of names)
      made.push(await client.call<PluginView>("POST", `/plugins/${encodeURIComponent(name)}/restart`));
    printItems(made, options, COLUMNS);
    return made.some(({ state }) => state === "BROKEN") ? 1 : 0;
  });
}

async function begin(file: string): Promise<number> {
  if (!file.endsWith(".mjs")) throw new CommandError(file, "expected a module, NAME.mjs");
  const { PLUGIN_TEMPLATE } = await import("@stratos/hub/plugin-template");
  try {
    writeFileSync(file, PLUGIN_TEMPLATE, { flag: "wx" });
  } catch (error) {
    throw new CommandError(file, hostReason(error));
  }
  return 0;
}

interface CheckOptions extends Listing {
  readonly submission?: string;
  readonly owner: string;
  readonly event?: string;
  readonly task?: string;
}

async function check(file: string, { submission, owner, event, task, ...options }: CheckOptions): Promise<number> {
  if (!file.endsWith(".mjs")) throw new CommandError(file, "expected a module, NAME.mjs");
  if (task !== undefined && event === undefined) throw new UsageError("--task", "is of an --event");
  const trial: PluginTrial = {
    ...(submission === undefined ? {} : { submission: { task: readObject(submission, "--submission"), owner } }),
    ...(event === undefined
      ? {}
      : {
          event: { event: readObject(event, "--event"), task: task === undefined ? null : readObject(task, "--task") },
        }),
  };
  const { checkPlugin } = await import("@stratos/hub");
  const said: string[] = [];
  const { plugin, answers } = await checkPlugin(file, (text) => said.push(text), trial).catch((error: Error) => {
    throw new CommandError(file, error.message, { cause: error });
  });
  // What it prints; its faults are told below.
  for (const text of said)
    if (plugin.message === null || !text.endsWith(plugin.message)) process.stderr.write(`${printable(text)}\n`);
  if (plugin.state === "BROKEN") throw new CommandError(file, plugin.message!);
  const isAsked = Object.keys(trial).length > 0;
  if (options.json === true) printJson(isAsked ? { plugin, answers } : plugin);
  else {
    printItems([plugin], options, COLUMNS);
    for (const [name, answer] of Object.entries(answers))
      process.stdout.write(`${name}: ${printable(JSON.stringify(answer))}\n`);
  }
  return 0;
}
