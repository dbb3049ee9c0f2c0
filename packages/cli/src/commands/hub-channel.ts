/** `stratos hub channel`. */
import { Option, type Command } from "commander";
import { BALANCES, type ChannelView } from "@stratos/hub-api";
import { changeKept, laidOver } from "../hub/change-kept.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { printJson, type Listing } from "../hub/hub-listing.ts";
import { formatTable } from "../text-table.ts";
import { collectList, limitOf, noun, orNone, type OrNone, parseCount, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface ChannelOptions extends HubOptions {
  readonly policy?: string;
  readonly balance?: string;
  readonly description?: string;
  readonly keep?: OrNone;
  readonly maxQueued?: OrNone;
  readonly maxRunning?: OrNone;
  readonly inherit?: readonly string[];
  readonly json?: true;
}

export function channelCommand(finish: Finish): Command {
  const channel = noun("channel", "list, make and remove channels");
  channel.addCommand(
    row("ls", "list channels", "Lists channels.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listChannels(options))),
  );
  channel.addCommand(
    row("set", "make or change a channel", "Makes a channel, or changes one; what is not said stays as it is.")
      .argument("<name>", "its name")
      .addOption(
        new Option(
          "--policy <policy>",
          "in which order its tasks are taken: as they came, by priority, or by priority and a fair share for each " +
            "owner",
        ).choices(["fifo", "priority", "fair"]),
      )
      .addOption(
        new Option(
          "--balance <strategy>",
          "which of the hosts that could take a task is given it: who asks first; each in turn; in turn by capacity; " +
            "the one with the fewest runs, or the least used; any; the same for the same source; the quickest of " +
            "late; the fullest that has room",
        ).choices(BALANCES),
      )
      .option("--description <text>", "what it is for")
      .addOption(
        new Option("--keep <days>", "remove tasks so long after their end; never: they stay").argParser(
          orNone("never", parseCount(1, 36_500)),
        ),
      )
      .addOption(
        new Option("--max-queued <n>", "refuse submissions beyond so many open tasks; none: no limit").argParser(
          orNone("none", parseCount(0)),
        ),
      )
      .addOption(
        new Option("--max-running <n>", "run so many at once; none: no limit").argParser(orNone("none", parseCount(0))),
      )
      .addOption(
        new Option(
          "--inherit <channel>",
          "its builds may use the packages of this channel, too (repeatable; '': of no other)",
        ).argParser((text: string, before: readonly string[] | undefined) => collectList(text, before ?? [])),
      )
      .addOption(jsonOption())
      .action(async (name: string, options: ChannelOptions) => finish(await setChannel(name, options))),
  );
  channel.addCommand(
    row("rm", "remove a channel", "Removes a channel without open tasks.")
      .argument("<name>", "its name")
      .action(async (name: string, options: HubOptions) => finish(await removeChannel(name, options))),
  );
  return channel;
}

const pathOf = (name: string): string => `/channels/${encodeURIComponent(name)}`;

function listChannels(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<{ readonly items: readonly ChannelView[] }>("GET", "/channels");
    const limit = (value: number | null): string => (value === null ? "-" : String(value));
    if (options.json === true) printJson(items);
    else
      process.stdout.write(
        formatTable(
          ["CHANNEL", "POLICY", "BALANCE", "KEPT DAYS", "QUEUED MAX", "RUNNING MAX", "INHERITS", "DESCRIPTION"],
          items.map((channel) => [
            channel.name,
            channel.policy,
            channel.balance,
            limit(channel.retentionDays),
            limit(channel.maxQueued),
            limit(channel.maxRunning),
            channel.inherits.join(",") || "-",
            channel.description,
          ]),
        ),
      );
  });
}

function setChannel(name: string, options: ChannelOptions): Promise<number> {
  return withHub(options, async (client) => {
    const { policy, balance, description, keep, maxQueued, maxRunning, inherit } = options;
    const limits = { maxQueued: limitOf(maxQueued), maxRunning: limitOf(maxRunning) };
    const said = { policy, balance, description, retentionDays: limitOf(keep), inherits: inherit, ...limits };
    const channel = await changeKept<ChannelView>(client, pathOf(name), (kept) => laidOver(settingsOf(kept), said));
    if (options.json === true) printJson(channel);
  });
}

function settingsOf(kept: ChannelView | null): object {
  if (kept === null) return {};
  const { policy, balance, description, retentionDays, maxQueued, maxRunning, inherits } = kept;
  return { policy, balance, description, retentionDays, maxQueued, maxRunning, inherits };
}

function removeChannel(name: string, options: HubOptions): Promise<number> {
  return withHub(options, (client) => client.call<void>("DELETE", pathOf(name)));
}
