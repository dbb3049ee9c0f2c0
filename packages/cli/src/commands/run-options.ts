import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_IMAGE, DEFAULT_MEMORY } from "@stratos/images/defaults";
import {
  formatSize,
  parseEnvironment,
  parseGuestDirectory,
  parseHarts,
  parseImageName,
  parseImageState,
  parseMemory,
  parsePublished,
  parseSeed,
  parseTimeout,
  parseUser,
  parseVolume,
} from "../option-values.ts";
import type { NetworkMode } from "../session/run-options.ts";

export function addRunOptions(command: Command, network: NetworkMode): Command {
  return command
    .addOption(
      new Option(
        "-i, --image <name>",
        `image to run in (default: ${DEFAULT_IMAGE}, or "image" in config.json); NAME@CHANGE is a state of its ` +
          "past, as `pkg history` names them",
      ).argParser(parseImageState),
    )
    .addOption(
      new Option(
        "-e, --env <name=value>",
        "set an environment variable; NAME alone takes the host's value (repeatable)",
      )
        .argParser(parseEnvironment)
        .default([], "none"),
    )
    .addOption(new Option("-w, --workdir <dir>", "folder to start in").argParser(parseGuestDirectory))
    .addOption(
      new Option("-u, --user <user[:group]>", "user to run as, a name or a number (default: root)").argParser(
        parseUser,
      ),
    )
    .addOption(
      new Option("-v, --volume <host:guest[:ro]>", "show a folder or a file of the host in the guest (repeatable)")
        .argParser(parseVolume)
        .default([], "none"),
    )
    .addOption(
      new Option("--net <mode>", "network: none, or the host's own sockets (TCP and UDP; no ping of others)")
        .choices(["none", "host"])
        .default(network),
    )
    .addOption(
      new Option(
        "-p, --publish <[address:]host:guest[/udp]>",
        "let a port that the guest listens at stand at another one of the host; needs --net host (repeatable)",
      )
        .argParser(parsePublished)
        .default([], "none"),
    )
    .addOption(
      new Option("--memory <size>", `memory of the machine (default: ${formatSize(DEFAULT_MEMORY)})`).argParser(
        parseMemory,
      ),
    )
    .addOption(
      new Option("--harts <n>", "processors that programs see; they take turns (default: 1)").argParser(parseHarts),
    )
    .addOption(
      new Option("--timeout <seconds>", "end the machine after this time, with status 124").argParser(parseTimeout),
    )
    .addOption(
      new Option("--keep <name>", "save the root, as the run leaves it, as image NAME").argParser(parseImageName),
    )
    .addOption(
      new Option("--seed <n>", "deterministic run: chance from this seed, time counted in instructions").argParser(
        parseSeed,
      ),
    )
    .addOption(
      new Option(
        "--record <file>",
        "deterministic run that `stratos replay` repeats; input, signals, time and chance are written to FILE " +
          "(without --net and -v, whose content is not recorded)",
      ),
    )
    .addOption(new Option("--stats", "print what the run cost, as JSON, on stderr"));
}
