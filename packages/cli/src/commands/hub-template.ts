/** `stratos hub template`. */
import type { Command } from "commander";
import type { HubClient, TemplateParameter, TemplateView } from "@stratos/hub-api";
import { UsageError } from "../command-error.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { waitForTasks } from "../hub/wait-for-tasks.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, parseCount, row } from "./hub-options.ts";
import { given, readJson } from "./hub-task.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface VersionOptions extends Listing {
  readonly version?: number;
}

interface SubmitOptions extends VersionOptions {
  readonly watch?: true;
}

export function templateCommand(finish: Finish): Command {
  const template = noun("template", "keep tasks with parameters, and submit them");
  const versionOf = (command: Command): Command =>
    command.option("--version <n>", "which version (default: the last)", parseCount(1));
  template.addCommand(
    row("ls", "list templates", "Lists templates, their last versions and parameters.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listTemplates(options))),
  );
  template.addCommand(
    versionOf(row("show", "show a template", "Prints a template as JSON, as `hub template set` takes it."))
      .argument("<template>", "its name")
      .action(async (name: string, options: VersionOptions) => finish(await showTemplate(name, options))),
  );
  template.addCommand(
    row(
      "set",
      "make a template, or its next version",
      "Makes a template, or its next version; versions before stay as they are. {{NAME}} in the texts of labels and " +
        "payloads stands for a parameter.",
    )
      .argument("<template>", "its name")
      .argument("<file>", '{"parameters":{"NAME":{"type":"string","default":…}},"tasks":[…]}; - reads stdin')
      .addOption(jsonOption())
      .action(async (name: string, file: string, options: Listing) => finish(await setTemplate(name, file, options))),
  );
  template.addCommand(
    row("rm", "remove templates", "Removes templates, all versions of them.")
      .argument("<template...>", "their names")
      .action(async (names: readonly string[], options: HubOptions) => finish(await removeTemplates(names, options))),
  );
  template.addCommand(
    versionOf(row("submit", "submit a template's tasks", "Submits a template's tasks, and prints their numbers."))
      .argument("<template>", "its name")
      .argument("[value...]", "of its parameters, as NAME=VALUE")
      .option("-w, --watch", "wait until all have ended; status 1 when one did not complete")
      .addOption(jsonOption())
      .action(async (name: string, values: readonly string[], options: SubmitOptions) =>
        finish(await submitTemplate(name, values, options)),
      ),
  );
  return template;
}

const pathOf = (name: string, version?: number): string =>
  `/templates/${encodeURIComponent(name)}${version === undefined ? "" : `?version=${version}`}`;

function listTemplates(options: Listing): Promise<number> {
  return listOf<TemplateView>("/templates", options, {
    TEMPLATE: ({ name }) => name,
    VERSION: ({ version }) => String(version),
    PARAMETERS: ({ parameters }) => Object.entries(parameters).map(wordsOf).join(", "),
    TASKS: ({ tasks }) => String(tasks.length),
    BY: ({ owner }) => owner,
    DESCRIPTION: ({ description }) => description,
  });
}

function wordsOf([name, { choices, type, default: usual }]: [string, TemplateParameter]): string {
  return `${name}:${choices?.join("|") ?? type}${usual === undefined ? "" : `=${usual}`}`;
}

function showTemplate(name: string, { version, ...options }: VersionOptions): Promise<number> {
  return withHub(options, async (client) => {
    const { description, parameters, tasks } = await client.call<TemplateView>("GET", pathOf(name, version));
    printJson({ description, parameters, tasks });
  });
}

function setTemplate(name: string, file: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const made = await client.call<TemplateView>("PUT", pathOf(name), readJson(file));
    if (options.json === true) printJson(made);
    else process.stdout.write(`${made.name} v${made.version}\n`);
  });
}

function removeTemplates(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", pathOf(name));
  });
}

/** NAME=VALUE, as the template's parameters read them. */
export async function readValues(
  client: HubClient,
  { name, version }: { name: string; version: number | undefined },
  words: readonly string[],
): Promise<Record<string, string | number | boolean>> {
  const pairs = words.map((word) => {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (key === undefined) throw new UsageError(word, "expected NAME=VALUE");
    return [key, text!] as const;
  });
  const { parameters } = await client.call<TemplateView>("GET", pathOf(name, version));
  return Object.fromEntries(pairs.map(([key, text]) => [key, valueOf(text, parameters[key])]));
}

function submitTemplate(name: string, words: readonly string[], options: SubmitOptions): Promise<number> {
  return withHub(options, async (client) => {
    const values = await readValues(client, { name, version: options.version }, words);
    const made = await client.call<{ tasks: readonly { id: number }[] }>("POST", `${pathOf(name)}/submit`, {
      values,
      ...given("version", options.version),
    });
    const ids = made.tasks.map(({ id }) => id);
    if (options.json === true) printJson(made);
    else process.stdout.write(ids.map((id) => `${id}\n`).join(""));
    return options.watch === true ? waitForTasks(client, ids) : 0;
  });
}

/** As its type reads it; what does not read so the hub refuses, in its words. */
function valueOf(text: string, rule: TemplateParameter | undefined): string | number | boolean {
  if (rule?.type === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  return rule?.type === "boolean" && /^(true|false)$/.test(text) ? text === "true" : text;
}
