/** `stratos hub limit`: brakes of owners, beside those of channels. */
import { Option, type Command } from "commander";
import { UsageError } from "../command-error.ts";
import { changeKept, laidOver } from "../hub/change-kept.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, limitOf, orNone, type OrNone, parseCount, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface Limits {
  readonly maxQueued?: number | null;
  readonly maxRunning?: number | null;
}

interface LimitOptions extends Listing {
  readonly maxQueued?: OrNone;
  readonly maxRunning?: OrNone;
}

export function limitCommand(finish: Finish): Command {
  const limit = noun("limit", "list, set and remove limits of who submits");
  limit.addCommand(
    row("ls", "list limits", "Lists who may have how many tasks.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listLimits(options))),
  );
  limit.addCommand(
    row(
      "set",
      "limit somebody's tasks",
      "Limits the tasks of an owner, in all channels; what is not said stays as it is.",
    )
      .argument("<owner>", "whose: a person's name, trigger:NAME, plugin:NAME")
      .addOption(
        new Option("--max-queued <n>", "refuse submissions beyond so many open tasks; none: no limit").argParser(
          orNone("none", parseCount(0)),
        ),
      )
      .addOption(
        new Option("--max-running <n>", "run so many at once; none: no limit").argParser(orNone("none", parseCount(0))),
      )
      .addOption(jsonOption())
      .action(async (owner: string, options: LimitOptions) => finish(await setLimit(owner, options))),
  );
  limit.addCommand(
    row("rm", "remove limits", "Removes all limits of owners.")
      .argument("<owner...>", "whose")
      .action(async (owners: readonly string[], options: HubOptions) => finish(await removeLimits(owners, options))),
  );
  return limit;
}

const pathOf = (owner: string): string => `/brakes/${encodeURIComponent(owner)}`;
const textOf = (limit: number | null | undefined): string => String(limit ?? "-");

function listLimits(options: Listing): Promise<number> {
  return listOf<Limits & { readonly owner: string }>("/brakes", options, {
    "OWNER": ({ owner }) => owner,
    "QUEUED MAX": ({ maxQueued }) => textOf(maxQueued),
    "RUNNING MAX": ({ maxRunning }) => textOf(maxRunning),
  });
}

function setLimit(owner: string, { maxQueued, maxRunning, ...options }: LimitOptions): Promise<number> {
  if (maxQueued === undefined && maxRunning === undefined)
    throw new UsageError("hub limit set", "expected --max-queued or --max-running; `hub limit rm` removes both");
  return withHub(options, async (client) => {
    const kept = await changeKept<Limits & { readonly version: number }>(client, pathOf(owner), (before) =>
      laidOver(before === null ? {} : { maxQueued: before.maxQueued, maxRunning: before.maxRunning }, {
        maxQueued: limitOf(maxQueued),
        maxRunning: limitOf(maxRunning),
      }),
    );
    if (options.json === true) printJson(kept);
  });
}

function removeLimits(owners: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    // All are there before any goes.
    for (const owner of owners) await client.call("GET", pathOf(owner));
    for (const owner of owners) await client.call("PUT", pathOf(owner), {});
  });
}
