/** `stratos fs tui`: volumes kept from a terminal. */
import { Command } from "commander";
import { VERSION } from "@stratos/sdk/version";
import { UsageError } from "../command-error.ts";
import { type TuiOptions, tuiOptions, withService } from "../tui-options.ts";
import type { Finish } from "./row-options.ts";

interface FsTuiOptions extends TuiOptions {
  readonly readOnly?: true;
}

export function tuiCommand(finish: Finish): Command {
  const command = new Command("tui")
    .summary("keep volumes from a terminal")
    .description(
      "Shows volumes on the whole terminal, by keyboard alone: snapshots with what changed since, files and how to " +
        "bring them back, schedules, scrubs, quotas, compression, devices. ? tells the keys, q ends it. The volumes " +
        "are its own until then, and what their schedules ask for is done meanwhile; with --url they are those of a " +
        "running `fs serve`.",
    )
    .argument("[volume...]", "files or devices; NAME=PATH names one")
    .option("--read-only", "change nothing");
  for (const option of tuiOptions("fs serve")) command.addOption(option);
  return command
    .addHelpText("after", "\nExit status: 0 at its end by q; 130 by Ctrl-C; 125 without a terminal.")
    .action(async (volumes: string[], options: FsTuiOptions) => finish(await volumesTui(volumes, options)));
}

async function volumesTui(volumes: readonly string[], options: FsTuiOptions): Promise<number> {
  if (options.url !== undefined) {
    if (volumes.length > 0) throw new UsageError("VOLUME", "the service of --url has its own");
    if (options.readOnly === true) throw new UsageError("--read-only", "is up to the service of --url");
  } else if (volumes.length === 0) throw new UsageError("VOLUME", "missing; see --help");
  const { runVolumesTui, surroundingsOf } = await import("@stratos/tui");
  const surroundings = surroundingsOf(process.env, options.language);
  return withService(
    "fs tui",
    options,
    (socket) => serveVolumes(volumes, options.readOnly === true, socket),
    (place) => runVolumesTui(place, surroundings),
  );
}

async function serveVolumes(
  texts: readonly string[],
  readOnly: boolean,
  socket: string,
): Promise<{ close(): Promise<void> }> {
  const { createRestService, listenAt, ServedVolumes } = await import("@stratos/volumes/serve");
  // They are told by what they leave undone; the terminal is not theirs.
  const tell = (): void => {};
  const volumes = new ServedVolumes(texts, readOnly ? "read" : "write", [], tell);
  try {
    const app = createRestService(volumes, { readOnly, access: null, page: null, version: VERSION, onDefect: tell });
    const listener = await listenAt({ socket }, app.fetch);
    volumes.startHousekeeping();
    return {
      close: async () => {
        await listener.close();
        volumes.close();
      },
    };
  } catch (error) {
    volumes.close();
    throw error;
  }
}
