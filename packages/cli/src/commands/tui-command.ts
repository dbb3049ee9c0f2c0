/** `stratos tui`: named systems, images and volumes of this host on a terminal. */
import { Command } from "commander";
import { makeFolders, stratosHome } from "@stratos/host-node/home";
import { VERSION } from "@stratos/sdk/version";
import { type TuiOptions, tuiOptions, withService } from "../tui-options.ts";
import type { Finish } from "./row-options.ts";

export function tuiCommand(finish: Finish): Command {
  const command = new Command("tui")
    .summary("keep systems from a terminal")
    .description(
      "Shows named systems on the whole terminal, by keyboard alone: their state, what they use and write, and what " +
        "can be done with them. ? tells the keys, q ends it; systems and jobs go on. With --url they are those of a " +
        "running `stratos serve`.",
    );
  for (const option of tuiOptions("stratos serve")) command.addOption(option);
  return command
    .addHelpText("after", "\nExit status: 0 at its end by q; 130 by Ctrl-C; 125 without a terminal.")
    .action(async (options: TuiOptions) => finish(await systemsTui(options)));
}

async function systemsTui(options: TuiOptions): Promise<number> {
  const { runSystemsTui, surroundingsOf } = await import("@stratos/tui");
  const surroundings = surroundingsOf(process.env, options.language);
  return withService("tui", options, serveHost, (place) => runSystemsTui(place, surroundings));
}

async function serveHost(socket: string): Promise<{ close(): Promise<void> }> {
  const [{ startConsole }, { openSupervisor }, images, machines] = await Promise.all([
    import("@stratos/console/serve"),
    import("@stratos/supervisor/client"),
    import("@stratos/images"),
    import("../session/machine-options.ts"),
  ]);
  const home = stratosHome();
  makeFolders(home);
  return startConsole(
    { socket },
    {
      home,
      version: VERSION,
      signIn: null,
      names: [],
      isSecure: false,
      isPublic: false,
      defaults: { image: () => images.defaultImage(home), memoryBytes: () => machines.memoryOf({}, home) },
      page: null,
      openSupervisor: () => openSupervisor(home, VERSION),
      commandLine: { program: process.execPath, words: [...process.execArgv, process.argv[1]!] },
      // What it was asked for is answered with an internal error; the terminal is not its own.
      onDefect: () => {},
    },
  );
}
