/** `stratos desktop`: a desktop in a browser before a machine, until its window's "log out" or a signal ends it. */
import { Command, Option } from "commander";
import type { SharedFolder } from "@stratos/images";
import { DEFAULT_MEMORY } from "@stratos/images/defaults";
import { makeFolders, stratosHome } from "@stratos/host-node/home";
import { StratosError } from "@stratos/sdk/client";
import { UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import { parseImageName, parseMemory, parsePort, parseUser, parseVolume } from "../option-values.ts";
import type { Finish } from "./row-options.ts";

interface DesktopOptions {
  readonly image?: string;
  readonly user: readonly string[];
  readonly memory?: number;
  readonly net: "none" | "host";
  readonly volume: readonly SharedFolder[];
  readonly port: number;
}

export function desktopCommand(finish: Finish): Command {
  return new Command("desktop")
    .summary("show a desktop with the windows, files and terminals of a machine in a browser")
    .argument("[name]", "a named system that runs; else a machine of its own, a clone of an image")
    .description(
      "Serves a page with a desktop: windows of Wayland and X11 programs, terminals, files, processes and logs of a " +
        "machine. Prints the page's address when it is ready; who has it can do all that the machine's user can. A " +
        "machine of its own ends with the desktop, and its changes with it; a named system goes on. Of one that was " +
        "started with --display a window shows the whole screen.",
    )
    .option("-i, --image <name>", "image of the desktop's own machine (default: the settings' image)", parseImageName)
    .addOption(
      new Option(
        "-u, --user <user>",
        "whose desktop it is, a name or a number; of several (repeatable) the first's is shown, and the session's " +
          "menu switches",
      )
        .argParser((text: string, previous: readonly string[]) => [...previous, parseUser(text)])
        .default([] as readonly string[], "root"),
    )
    .option(
      "--memory <size>",
      `memory of the desktop's own machine (default: ${formatSize(DEFAULT_MEMORY)})`,
      parseMemory,
    )
    .addOption(
      new Option("--net <how>", "what programs reach of the network").choices(["none", "host"]).default("none"),
    )
    .addOption(
      new Option("-v, --volume <spec>", "HOST:GUEST[:ro]: a folder of the host that programs see (repeatable)")
        .argParser(parseVolume)
        .default([] as readonly SharedFolder[], "none"),
    )
    .addOption(
      new Option("--port <n>", "serve at this port of the loopback; 0 is any that is free")
        .argParser(parsePort)
        .default(0),
    )
    .action(async (name: string | undefined, options: DesktopOptions) => finish(await serveDesktop(name, options)));
}

/** Of a machine of its own alone. */
const OWN_OPTIONS = ["image", "memory"] as const;

async function serveDesktop(name: string | undefined, options: DesktopOptions): Promise<number> {
  const { net, volume, port } = options;
  const users = options.user.length === 0 ? ["root"] : options.user;
  const home = stratosHome();
  if (name !== undefined) {
    for (const option of OWN_OPTIONS)
      if (options[option] !== undefined)
        throw new UsageError(`--${option}`, `${name} is a system that runs: it has its own`);
    if (net !== "none" || volume.length > 0)
      throw new UsageError(net === "none" ? "--volume" : "--net", `${name} is a system that runs: it has its own`);
  }
  const [{ openOwnMachine, openSystemMachine, startDesktop }, { defaultImage, ImageStore }, machines, { told }] =
    await Promise.all([
      import("@stratos/desktop"),
      import("@stratos/images"),
      import("../session/machine-options.ts"),
      import("../systems/supervisor.ts"),
    ]);
  makeFolders(home);
  const image = options.image ?? defaultImage(home);
  if (name === undefined) {
    await machines.ensureImage(image);
    new ImageStore(home).require(image);
  }
  const opening =
    name === undefined
      ? openOwnMachine(
          {
            image,
            memoryBytes: machines.memoryOf(options, home),
            network: net,
            mounts: volume.map(({ host, guest, isReadOnly }) => ({ host, guest, readOnly: isReadOnly })),
          },
          users,
        )
      : openSystemMachine(name, home, users);
  const machine = await opening.catch((error: unknown) => {
    throw error instanceof StratosError ? told(error) : error;
  });
  const commandLine = { program: process.execPath, words: [...process.execArgv, process.argv[1]!] };
  const onDefect = (words: string): void => void process.stderr.write(`stratos: internal error: ${words}\n`);
  const tell = (problem: string): void => void process.stderr.write(`stratos: display: ${problem}\n`);
  try {
    const server = await startDesktop(machine, { home, port, commandLine, onDefect, tell });
    process.stdout.write(`${server.address}\n`);
    if (name !== undefined && machine.screen === null)
      process.stderr.write(`stratos: ${name}: its programs have no windows: it was started without --display\n`);
    const signal = new Promise<void>((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
    await Promise.race([signal, server.ended]);
    await server.close();
  } finally {
    await machine.close();
  }
  return 0;
}
