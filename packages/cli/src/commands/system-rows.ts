/** Rows of the commands on named systems; what they do stands in `systems/`. */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  parseGuestDirectory,
  parseImageName,
  parsePort,
  parsePublished,
  parseTimeout,
  parseUser,
  parseVolume,
} from "../option-values.ts";
import { SIGNAL_NAMES } from "@stratos/abi";
import { UsageError } from "../command-error.ts";
import type {
  ForkOptions,
  LogsOptions,
  ResumeOptions,
  SnapshotOptions,
  StartOptions,
  StopOptions,
} from "../systems/keep-systems.ts";
import type { ListSystemsOptions } from "../systems/list-systems.ts";
import type { DisplayOptions } from "../systems/show-display.ts";
import type { AttachOptions, ExecOptions } from "../systems/run-system.ts";
import { ProgramCommand } from "../program-command.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { detachKeysOption, environmentOption, secretAgainOption } from "./run-options.ts";

const EXIT_HELP =
  "\nExit status: the program's; 125 when Stratos itself fails; 126 when CMD cannot be executed; 127 when it is not " +
  "found.";

export function systemCommands(finish: Finish): Command[] {
  return [...programCommands(finish), ...lifeCommands(finish), ...stateCommands(finish)];
}

function programCommands(finish: Finish): Command[] {
  const list = new Command("ps")
    .summary("list named systems")
    .description("Lists the named systems that run; what has become of the others is told with --all.")
    .option("-a, --all", "also those that have ended or are lost")
    .addOption(new Option("--names", "print names only").conflicts("json"))
    .addOption(jsonOption())
    .action(async (options: ListSystemsOptions) =>
      finish(await (await import("../systems/list-systems.ts")).listSystems(options)),
    );
  const exec = new ProgramCommand("exec")
    .summary("run a further program in a named system")
    .description(
      "Runs a further program in a named system, with its own environment, folder and user. It ends with this " +
        "command, unless it was left to itself by the detach keys or begun with --detach.",
    )
    .usage("[OPTIONS] NAME [--] CMD [ARG…]")
    .argument("<name>", "the system")
    .argument("<cmd>", "program, looked up in the system's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option(
      "-d, --detach",
      "do not wait for it: print NAME/SESSION, with which `attach` finds it and what it has written",
    )
    .option("-i, --interactive", "let it read standard input")
    .option("-t, --tty", "give it a terminal")
    .addOption(environmentOption())
    .addOption(new Option("-w, --workdir <dir>", "folder to start in (default: /)").argParser(parseGuestDirectory))
    .addOption(new Option("-u, --user <user[:group]>", "user to run as (default: root)").argParser(parseUser))
    .addOption(detachKeysOption())
    .addHelpText("after", EXIT_HELP)
    .action(async (name: string, command: string, args: string[], options: ExecOptions) =>
      finish(
        await (await import("../systems/run-system.ts")).execInSystem(name, withoutDashes([command, ...args]), options),
      ),
    );
  const attach = new ProgramCommand("attach")
    .summary("show a named system's program on this terminal")
    .description(
      "Shows what a named system's program writes from here on, and gives it what is typed, if it was started with " +
        "--tty or --interactive. Several terminals may do so at once. The detach keys leave it to itself; so does " +
        "the end of the terminal. NAME/SESSION is a further program, of `exec --detach` or the console: what it has " +
        "written comes first, as far as it is kept, also of one that has ended.",
    )
    .argument("<name>", "the system; NAME/SESSION")
    .option("--no-stdin", "only look")
    .addOption(detachKeysOption())
    .action(async (name: string, options: AttachOptions) =>
      finish(await (await import("../systems/run-system.ts")).attachSystem(name, options)),
    );
  const logs = new Command("logs")
    .summary("show what a named system's program has written")
    .description("Shows what a named system's program has written, the last 8 to 16 MiB of it.")
    .argument("<name>", "the system")
    .option("-f, --follow", "go on with what it writes until it ends")
    .option(
      "--denied",
      "instead, the last thousand connections and questions for names that its network's rules denied",
    )
    .addOption(
      new Option("-n, --tail <lines>", "only the last lines of what was written before").argParser(parseCount(0)),
    )
    .action(async (name: string, options: LogsOptions) =>
      finish(await (await import("../systems/keep-systems.ts")).showLogs(name, options)),
    );
  const display = new Command("display")
    .summary("show a named system's windows in a browser")
    .description(
      "Serves a page of this computer with the windows of a named system that was started with --display, and prints " +
        "its address, for this command and you alone. Several pages may be open at once; the console shows the same " +
        "(`stratos serve --ui`). Ends with the system, or at SIGINT or SIGTERM; the system goes on.",
    )
    .argument("<name>", "the system")
    .addOption(
      new Option("--port <n>", "serve at this port of the loopback; 0 is any that is free")
        .argParser(parsePort)
        .default(0),
    )
    .option(
      "--screenshot <file>",
      "write what it shows as PNG instead: once a window is there and nothing was drawn for a second, or after " +
        "--timeout",
    )
    .addOption(new Option("--timeout <time>", "of --screenshot: seconds, or 5m (default: 60)").argParser(parseTimeout))
    .addHelpText("after", "\nExit status: 0; with --screenshot 125 if there was no window.")
    .action(async (name: string, options: DisplayOptions) =>
      finish(await (await import("../systems/show-display.ts")).showDisplay(name, options)),
    );
  const copy = new Command("cp")
    .summary("copy files to and from a named system")
    .description(
      "Copies a file or a folder from a named system to this host, or from here into it, as root. Links in a folder " +
        "stay links.",
    )
    .usage("NAME:PATH PATH | PATH NAME:PATH")
    .argument("<from>", "NAME:PATH in a system, or a path here")
    .argument("<to>", "the other of the two; into a folder that is there, or under that name")
    .action(async (from: string, to: string) =>
      finish(await (await import("../systems/copy-files.ts")).copyFiles(from, to)),
    );
  return [list, exec, attach, logs, display, copy];
}

function lifeCommands(finish: Finish): Command[] {
  const keep = (): Promise<typeof import("../systems/keep-systems.ts")> => import("../systems/keep-systems.ts");
  const start = new Command("start")
    .summary("start named systems that have ended anew")
    .description(
      "Starts named systems that have ended, or are lost, anew: their programs in fresh clones of their images. One " +
        "that was lost with its secrets goes on from its checkpoint, once these are told again.",
    )
    .argument("<name...>", "systems")
    .addOption(secretAgainOption())
    .action(async (names: string[], options: StartOptions) =>
      finish(await (await keep()).startSystems(names, options)),
    );
  const stop = new Command("stop")
    .summary("end named systems")
    .description(
      "Ends named systems: a signal for the program, and SIGKILL when that has not helped after a while. What was " +
        "changed in a system goes with it, but for its snapshots and checkpoints.",
    )
    .argument("<name...>", "systems")
    .addOption(
      new Option("-t, --time <seconds>", "how long to wait after the signal").argParser(parseCount(0)).default(10),
    )
    .addOption(signalOption("SIGTERM"))
    .action(async (names: string[], options: StopOptions) => finish(await (await keep()).stopSystems(names, options)));
  const kill = new Command("kill")
    .summary("send a signal to named systems' programs")
    .description("Sends a signal to the programs of named systems.")
    .argument("<name...>", "systems")
    .addOption(signalOption("SIGKILL"))
    .action(async (names: string[], options: { signal: string }) =>
      finish(await (await keep()).killSystems(names, options)),
    );
  const remove = new Command("rm")
    .summary("remove named systems")
    .description("Removes named systems that have ended or are lost, with their logs, snapshots and checkpoints.")
    .argument("<name...>", "systems")
    .option("-f, --force", "end those that run")
    .action(async (names: string[], options: { force?: true }) =>
      finish(await (await keep()).removeSystems(names, options)),
    );
  const pause = new Command("pause")
    .summary("let nothing run in named systems")
    .description("Lets nothing run in named systems until `unpause`; their files can be copied, and they can be saved.")
    .argument("<name...>", "systems")
    .action(async (names: string[]) => finish(await (await keep()).pauseSystems(names, true)));
  const unpause = new Command("unpause")
    .summary("let paused systems go on")
    .description("Lets paused systems go on.")
    .argument("<name...>", "systems")
    .action(async (names: string[]) => finish(await (await keep()).pauseSystems(names, false)));
  const rename = new Command("rename")
    .summary("give a named system another name")
    .description("Gives a named system another name.")
    .argument("<name>", "the system")
    .argument("<to>", "its new name", parseImageName)
    .action(async (name: string, to: string) => finish(await (await keep()).renameSystem(name, to)));
  const wait = new Command("wait")
    .summary("wait until named systems have ended")
    .description("Waits until the programs of named systems have ended, and prints the exit code of each.")
    .argument("<name...>", "systems")
    .action(async (names: string[]) => finish(await (await keep()).waitForSystems(names)));
  return [start, stop, kill, remove, pause, unpause, rename, wait];
}

function stateCommands(finish: Finish): Command[] {
  const keep = (): Promise<typeof import("../systems/keep-systems.ts")> => import("../systems/keep-systems.ts");
  const snapshot = new Command("snapshot")
    .summary("keep a named system as it is under a label")
    .description(
      "Keeps a named system as it is, processes, memory and files, under a label that `rollback` takes, and prints it.",
    )
    .argument("<name>", "the system")
    .argument("[label]", "of the snapshot (default: the next number)", parseImageName)
    .option("--list", "list those that there are, the oldest first")
    .option("--remove", "remove the snapshot")
    .addOption(jsonOption())
    .action(async (name: string, label: string | undefined, options: SnapshotOptions) => {
      if (label !== undefined && options.list === true) throw new UsageError("--list", "takes no label");
      if (label === undefined && options.remove === true) throw new UsageError("--remove", "a label is missing");
      finish(await (await keep()).snapshotSystem(name, label, options));
    });
  const rollback = new Command("rollback")
    .summary("bring a named system back to a snapshot")
    .description(
      "Brings a named system back to a snapshot: all its processes, its memory and its files, also when it has " +
        "ended. Who is attached stays so; programs of `exec` end.",
    )
    .argument("<name>", "the system")
    .argument("[label]", "of the snapshot (default: the latest)")
    .action(async (name: string, label: string | undefined) =>
      finish(await (await keep()).rollbackSystem(name, label)),
    );
  const checkpoint = new Command("checkpoint")
    .summary("write a named system as it is into a file")
    .description(
      "Writes a named system as it is, processes, memory and files, into a file from which `resume` goes on, here " +
        "or on another computer that has the same image. The system itself goes on, too.",
    )
    .argument("<name>", "the system")
    .argument("<file>", "is made, or replaced")
    .action(async (name: string, file: string) => finish(await (await keep()).checkpointSystem(name, file)));
  const resume = new Command("resume")
    .summary("go on from a file that `checkpoint` wrote")
    .description(
      "Goes on with the system that a file holds, as a new one. Folders and the network of the host, which it had, " +
        "it has again only when the command line says so: the file may be anybody's.",
    )
    .argument("<file>", "of `checkpoint`")
    .addOption(new Option("--name <name>", "of the new system (default: as it was called)").argParser(parseImageName))
    .option("-d, --detach", "do not attach to it")
    .addOption(
      new Option("-v, --volume <host:guest[:ro]>", "what it is to have of the host where it had something (repeatable)")
        .argParser(parseVolume)
        .default([], "none"),
    )
    .addOption(new Option("--net <mode>", "network, as it had").choices(["none", "host"]).default("none"))
    .addOption(
      new Option("-p, --publish <[address:]host:guest[/udp]>", "ports of the host for its own (repeatable)")
        .argParser(parsePublished)
        .default([], "none"),
    )
    .addOption(secretAgainOption())
    .addOption(
      new Option("--identity <kind>", "fresh: to be told from what was saved, as forks are (not with a seed)")
        .choices(["same", "fresh"])
        .default("same"),
    )
    .addOption(detachKeysOption())
    .action(async (file: string, options: ResumeOptions & { detach?: true; detachKeys: Uint8Array }) => {
      const name = await (await keep()).resumeSystem(file, options);
      if (options.detach === true) process.stdout.write(`${name}\n`);
      const { attachSystem } = await import("../systems/run-system.ts");
      finish(options.detach === true ? 0 : await attachSystem(name, { ...options, stdin: true }));
    });
  const fork = new Command("fork")
    .summary("make further systems that go on from where one is")
    .description(
      "Makes further systems that go on from where a named one is, with all its processes, memory and files. " +
        "They share its pages until one side writes, and its process. Published ports stay with it alone.",
    )
    .argument("<name>", "the system")
    .addOption(new Option("--count <n>", "how many").argParser(parseCount(1)).default(1))
    .addOption(
      new Option(
        "--name <prefix>",
        "what their names begin with; a number follows (default: the system's name)",
      ).argParser(parseImageName),
    )
    .addOption(
      new Option("--identity <which>", "fresh: told apart by random numbers, boot id and machine id; same: as it is")
        .choices(["fresh", "same"])
        .default("fresh"),
    )
    .action(async (name: string, options: ForkOptions) => finish(await (await keep()).forkSystem(name, options)));
  return [snapshot, rollback, checkpoint, resume, fork];
}

/** `exec NAME -- CMD`: the dashes are the command line's own. */
function withoutDashes(words: readonly string[]): readonly string[] {
  return words[0] === "--" ? words.slice(1) : words;
}

function signalOption(usual: string): Option {
  return new Option("-s, --signal <name>", "which signal").argParser(parseSignal).default(usual);
}

function parseSignal(text: string): string {
  const name = /^\d{1,2}$/.test(text) ? SIGNAL_NAMES[Number(text)] : text.toUpperCase().replace(/^SIG/, "");
  // The name of number 0 is "0".
  if (name === undefined || SIGNAL_NAMES.indexOf(name) <= 0)
    throw new InvalidArgumentError("expected a name such as SIGTERM or TERM, or a number from 1 to 31");
  return `SIG${name}`;
}

function parseCount(least: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`expected a number from ${least}`);
    return Number(text);
  };
}
