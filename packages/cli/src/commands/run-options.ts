import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_IMAGE, DEFAULT_MEMORY } from "@stratos/images/defaults";
import { formatSize } from "@stratos/operation";
import {
  parseEnvironment,
  parseGdbPort,
  parseGuestDirectory,
  parseHarts,
  parseImageName,
  parseImageState,
  parseInterval,
  parseMemory,
  parseNetTarget,
  parsePublished,
  parseSecret,
  parseSeed,
  parseTimeout,
  parseUser,
  parseVolume,
} from "../option-values.ts";
import { DETACH_KEYS, parseDetachKeys } from "../systems/detach-keys.ts";
import type { NetworkMode } from "../session/run-options.ts";

/** What makes a machine, and what its program has. */
export function addMachineOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "-i, --image <name>",
        `image to run in (default: ${DEFAULT_IMAGE}, or "image" in config.json); NAME@CHANGE is a state of its ` +
          "past, as `pkg history` names them",
      ).argParser(parseImageState),
    )
    .addOption(environmentOption())
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
      new Option("--memory <size>", `memory of the machine (default: ${formatSize(DEFAULT_MEMORY)})`).argParser(
        parseMemory,
      ),
    )
    .addOption(
      new Option("--harts <n>", "processors that programs see; they take turns (default: 1)").argParser(parseHarts),
    )
    .addOption(
      new Option(
        "--address-mode <mode>",
        "how translated code finds memory: by tables (paged, the default), or mostly without (window)",
      ).choices(["paged", "window"]),
    )
    .addOption(new Option("--no-cache", "neither use nor keep translations of earlier runs (see `stratos cache`)"));
}

export function addRunOptions(command: Command, network: NetworkMode): Command {
  return addMachineOptions(command)
    .addOption(
      new Option("--net <mode>", "network: none, or the host's own sockets (TCP and UDP; echoes by its ping program)")
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
      new Option(
        "--allow <target[:ports]>",
        "with --net host: let programs connect to this alone: NAME, *.NAME (names below it), ADDRESS, PREFIX/BITS or " +
          "*, with :PORT, :FIRST-LAST, /tcp, /udp or /icmp behind it (repeatable)",
      ).argParser(parseNetTarget),
    )
    .addOption(
      new Option("--deny <target[:ports]>", "… and never to this, whatever is allowed (repeatable)").argParser(
        parseNetTarget,
      ),
    )
    .addOption(secretOption("programs"))
    .addOption(
      new Option("--timeout <time>", "end the machine after this time (seconds, or 5m, 1h), with status 124").argParser(
        parseTimeout,
      ),
    )
    .addOption(
      new Option(
        "--keep <name>",
        "save the root, as the run leaves it, as image NAME: a new one, or the run's own",
      ).argParser(parseImageName),
    )
    .addOption(seedOption())
    .addOption(scheduleOption())
    .addOption(
      new Option(
        "--record <file>",
        "deterministic run that `stratos replay` repeats; input, signals, time and chance are written to FILE " +
          "(with what comes from -v folders and, with --net host, from the network)",
      ),
    )
    .addOption(new Option("--no-warm-start", "start cold, whatever the image has (see `stratos image warm-start`)"))
    .addOption(new Option("--stats", "print what the run cost, as JSON, on stderr"));
}

/** What makes a run that of a named system (systems/system-spec.ts). */
export function addSystemRunOptions(command: Command): Command {
  return command
    .option("-d, --detach", "a named system: print its name, and let it live on")
    .addOption(
      new Option("--name <name>", "a named system, of this name, which `attach`, `exec` and others take").argParser(
        parseImageName,
      ),
    )
    .option("-t, --tty", "of a named system: its program has a terminal, and reads what is typed")
    .option("--interactive", "of a named system: its program reads standard input of those who attach")
    .option("--rm", "of a named system: nothing is left of it once it has ended")
    .addOption(
      new Option(
        "--checkpoint-every <time>",
        "of a named system: save it so often, as 30s, 5m or 1h, and go back there when its process or the supervisor " +
          "is killed, or the host restarted",
      ).argParser(parseInterval),
    )
    .addOption(detachKeysOption());
}

/** What serves a debugger at the program. */
export function addDebugOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--gdb <port>",
        "serve gdb's remote protocol on this port of the loopback, or on stdin and stdout (-)",
      ).argParser(parseGdbPort),
    )
    .addOption(
      new Option(
        "--dap <port>",
        "serve editors the Debug Adapter Protocol on this port of the loopback, or on stdin and stdout (-)",
      ).argParser(parseGdbPort),
    );
}

/** @param whose  who finds the stand-ins */
export function secretOption(whose: "programs" | "programs of sandboxes"): Option {
  return new Option(
    "--secret <name=host,…>",
    `with --net host: ${whose} find a stand-in in the variable NAME, in whose place these hosts read what NAME has ` +
      "here (repeatable)",
  ).argParser(parseSecret);
}

/** Of a named system whose secrets nobody knows any more. */
export function secretAgainOption(): Option {
  return new Option(
    "--secret <name=host,…>",
    "a secret that it had, with the value that NAME has here: values are kept nowhere (repeatable)",
  ).argParser(parseSecret);
}

export function detachKeysOption(): Option {
  return new Option("--detach-keys <keys>", "keys that leave the program to itself, such as ctrl-x; '': none")
    .argParser(parseDetachKeys)
    .default(parseDetachKeys(DETACH_KEYS), DETACH_KEYS);
}

export function seedOption(): Option {
  return new Option("--seed <n>", "deterministic run: chance from this seed, time counted in instructions").argParser(
    parseSeed,
  );
}

export function scheduleOption(): Option {
  return new Option(
    "--schedule <n>",
    "another order of events: programs and threads are held up now and then, as N says, so that others come " +
      "first; the same N gives the same order again (default: 0, they are not; without --seed, that is 0)",
  ).argParser(parseSeed);
}

export function environmentOption(): Option {
  return new Option(
    "-e, --env <name=value>",
    "set an environment variable; NAME alone takes the host's value (repeatable)",
  )
    .argParser(parseEnvironment)
    .default([], "none");
}
