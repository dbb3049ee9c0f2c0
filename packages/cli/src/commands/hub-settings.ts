/** `stratos hub settings`: what a hub runs with, as its page `/settings` shows it. */
import type { Command } from "commander";
import { closestName, printable, slipsOfWord } from "@stratos/base";
import type { HubSettings } from "@stratos/hub-api";
import { CommandError } from "../command-error.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

export function settingsCommand(finish: Finish): Command {
  const settings = noun("settings", "see what a hub runs with");
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
    // For who looks for it here: there is nothing that a running hub would change.
    row("set", "how a setting is changed", "Says by which option of `stratos hub` a setting is changed.")
      .argument("<setting>", "its name, from `ls`")
      .argument("[value]", "what it should be")
      .allowUnknownOption()
      .action(async (name: string, value: string | undefined, options: HubOptions) =>
        finish(await setSetting(name, value, options)),
      ),
    { hidden: true },
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

function listSettings(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const settings = await client.call<HubSettings>("GET", "/settings");
    if (options.json === true) return printJson(settings);
    printItems(settingsOf(settings), options, {
      GROUP: ({ group }) => group,
      SETTING: ({ name }) => name,
      VALUE: ({ value }) => textOf(value),
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

function setSetting(wanted: string, value: string | undefined, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    const { name } = findSetting(settingsOf(await client.call<HubSettings>("GET", "/settings")), wanted);
    const option = optionOf(name);
    throw new CommandError(
      name,
      option === undefined
        ? "no option of `stratos hub` has this name; its --help lists what a hub takes when it is started"
        : `a hub takes it when it is started anew: \`stratos hub ${option} ${value ?? "…"}\``,
    );
  });
}
