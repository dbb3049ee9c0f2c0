/** `stratos hub settings`: what a hub runs with, as its page `/settings` shows it. */
import type { Command } from "commander";
import { closestName, printable, slipsOfWord } from "@stratos/base";
import type { ChangeableSetting, HubSettings } from "@stratos/hub-api";
import { CommandError, UsageError } from "../command-error.ts";
import { withHub } from "../hub/hub-client.ts";
import { printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { mebibytesOf, noun, parseSeconds, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

export function settingsCommand(finish: Finish): Command {
  const settings = noun("settings", "see what a hub runs with, and change it");
  settings.addCommand(
    row("ls", "list settings", "Lists what the hub that answers runs with, without secrets. It takes setting:read.")
      .alias("list")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listSettings(options))),
  );
  settings.addCommand(
    row(
      "get",
      "print settings",
      "Prints what settings are: of one its value alone, of several a line each; an empty one where nothing was " +
        "said. With --json an object.",
    )
      .argument("<setting...>", "their names, from `ls`; dashes at the beginning and the unit may be left out")
      .addOption(jsonOption())
      // Settings are named as the hub's options are.
      .allowUnknownOption()
      .action(async (names: readonly string[], options: Listing) => finish(await getSettings(names, options))),
  );
  settings.addCommand(
    row(
      "set",
      "change a setting",
      "Changes a setting of all hubs of the database, at once and after their next start, until `reset` takes it " +
        "back. One that a hub takes at its start alone is named with its option. It takes setting:change.",
    )
      .argument("<setting>", "its name, from `ls`; dashes at the beginning and the unit may be left out")
      .argument("<value>", "what it should be; times such as 30s, 15m, 12h, sizes such as 64M")
      .addOption(jsonOption())
      .allowUnknownOption()
      .action(async (name: string, value: string, options: Listing) => finish(await setSetting(name, value, options))),
  );
  settings.addCommand(
    row(
      "reset",
      "take back what was set",
      "Takes back what was set: what the hubs were started with counts again. It takes setting:change.",
    )
      .argument("<setting...>", "their names, from `ls`")
      .addOption(jsonOption())
      .allowUnknownOption()
      .action(async (names: readonly string[], options: Listing) => finish(await resetSettings(names, options))),
  );
  return settings;
}

type Value = string | number | boolean | null;

interface Setting {
  readonly group: string;
  readonly name: string;
  readonly value: Value;
}

const settingsOf = ({ groups }: HubSettings): Setting[] =>
  Object.entries(groups).flatMap(([group, rows]) =>
    Object.entries(rows).map(([name, value]) => ({ group, name, value })),
  );

/** The option that a setting is named after: of `rules of --failure-rules` that. */
const optionOf = (name: string): string | undefined => /--[a-z0-9-]+/.exec(name)?.[0];

/** Names by which a setting may be called: `--lease, s` also `--lease`, `lease, s` and `lease`. */
function namesOf(name: string): string[] {
  const whole = [name, name.replace(/, [^ ,]+$/, ""), optionOf(name) ?? name];
  return [...new Set(whole.flatMap((one) => [one, one.replace(/^--/, "")]))];
}

/** @throws CommandError for a name that there is not, with the closest that there is */
function findSetting(settings: readonly Setting[], wanted: string): Setting {
  const found = settings.find(({ name }) => namesOf(name).includes(wanted));
  if (found !== undefined) return found;
  const near = closestName(
    wanted,
    settings.flatMap(({ name }) => namesOf(name)),
    slipsOfWord,
  );
  const hint = near === undefined ? "`stratos hub settings ls` lists them" : `did you mean ${near}?`;
  throw new CommandError(wanted, `the hub has no such setting; ${hint}`);
}

/** How a setting is changed; nothing, where it is a fact. */
function changesOf(name: string, { changeable = [] }: HubSettings): string {
  const option = optionOf(name);
  const found = changeable.find((one) => `--${one.name}` === option);
  if (found === undefined) return option === undefined ? "" : "at its start";
  return found.setBy === null ? "now" : `now; set by ${found.setBy}`;
}

function listSettings(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const settings = await client.call<HubSettings>("GET", "/settings");
    if (options.json === true) return printJson(settings);
    printItems(settingsOf(settings), options, {
      GROUP: ({ group }) => group,
      SETTING: ({ name }) => name,
      VALUE: ({ value }) => textOf(value),
      CHANGES: ({ name }) => changesOf(name, settings),
    });
  });
}

function getSettings(names: readonly string[], options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const settings = settingsOf(await client.call<HubSettings>("GET", "/settings"));
    const found = names.map((name) => findSetting(settings, name));
    if (options.json === true) printJson(Object.fromEntries(found.map(({ name, value }) => [name, value])));
    else process.stdout.write(found.map(({ value }) => `${printable(textOf(value))}\n`).join(""));
  });
}

const textOf = (value: Value): string => String(value ?? "");

/** @throws CommandError for what no running hub changes, with its option where there is one */
function findChangeable(settings: HubSettings, wanted: string, value = "…"): ChangeableSetting {
  const { name } = findSetting(settingsOf(settings), wanted);
  const option = optionOf(name);
  const found = settings.changeable?.find((one) => `--${one.name}` === option);
  if (found !== undefined) return found;
  throw new CommandError(
    name,
    option === undefined
      ? "no option of `stratos hub` has this name; its --help lists what a hub takes when it is started"
      : `a hub takes it when it is started anew: \`stratos hub ${option} ${value}\``,
  );
}

function setSetting(wanted: string, text: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const setting = findChangeable(await client.call<HubSettings>("GET", "/settings"), wanted, text);
    const value = readValue(setting, text);
    tell([await client.call<ChangeableSetting>("PUT", `/settings/${setting.name}`, { value })], options);
  });
}

function resetSettings(names: readonly string[], options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const settings = await client.call<HubSettings>("GET", "/settings");
    const found = names.map((name) => findChangeable(settings, name));
    const reset: ChangeableSetting[] = [];
    for (const { name } of found) reset.push(await client.call<ChangeableSetting>("DELETE", `/settings/${name}`));
    tell(reset, options);
  });
}

/** @throws UsageError for what is no such value; whether it is within the bounds the hub says */
function readValue({ kind, unit, choices }: ChangeableSetting, text: string): number | string {
  if (kind === "choice") {
    if (!choices!.includes(text)) throw new UsageError("VALUE", `${text}: expected ${choices!.join(" or ")}`);
    return text;
  }
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (kind === "seconds" && /^\d{1,9}[smhd]$/.test(text)) return parseSeconds(text);
  const mebibytes = unit === "MiB" ? mebibytesOf(text) : undefined;
  if (mebibytes !== undefined) return mebibytes;
  const wanted =
    kind === "seconds"
      ? "a time, such as 30s, 15m or 12h"
      : unit === "MiB"
        ? "a size, such as 64M or 1G"
        : `a whole number${unit === undefined ? "" : `, of ${unit}`}`;
  throw new UsageError("VALUE", `${text}: expected ${wanted}`);
}

function tell(settings: readonly ChangeableSetting[], { json }: Listing): void {
  if (json === true) return printJson(settings.length === 1 ? settings[0] : settings);
  process.stdout.write(settings.map((one) => `${one.name}: ${one.value}${unitOf(one)}\n`).join(""));
}

/** Hubs before this say of seconds alone what they are. */
function unitOf({ kind, unit = kind === "seconds" ? "s" : undefined }: ChangeableSetting): string {
  return unit === undefined ? "" : ` ${unit}`;
}
