/** Rows of `stratos compose` that try what was made. */
import { Command, InvalidArgumentError, Option } from "commander";
import { parseMemory, parseTimeout } from "../option-values.ts";
import type { ComposeBootOptions, ComposeSshOptions } from "./compose-machine-commands.ts";
import type { ComposeShellOptions } from "./compose-shell-command.ts";
import type { Finish } from "./row-options.ts";

const OUTPUT_HELP = "\nOUTPUT is a file that a compose has made, or its folder where that holds one such.";

export function composeMachineCommands(finish: Finish): Command[] {
  const boot = machineOptions(new Command("boot"))
    .summary("start a machine from what was made")
    .description(
      "Starts a machine from a disk or ISO under QEMU, with its console on the terminal. What it writes is gone " +
        "when it ends.",
    )
    .argument("<output>", "disk (.raw, .qcow2, .vmdk, .vhd, .vhdx) or ISO, or the compose's folder")
    .addOption(
      new Option("--net <mode>", "network: none, or QEMU's own, behind the host")
        .choices(["none", "user"])
        .default("user"),
    )
    .addOption(
      new Option(
        "-p, --forward <host:guest>",
        "let a TCP port of the machine stand at one of this host's, on 127.0.0.1 (repeatable)",
      )
        .argParser((text: string, previous: readonly { host: number; guest: number }[]) => [
          ...previous,
          parseForward(text),
        ])
        .default([], "none"),
    )
    .addHelpText("after", OUTPUT_HELP)
    .action(async (output: string, options: ComposeBootOptions) =>
      finish(await (await import("./compose-machine-commands.ts")).bootOutput(output, options)),
    );
  const ssh = machineOptions(new Command("ssh"))
    .summary("start a machine, and log in by SSH")
    .description(
      "Starts a machine from a disk under QEMU and logs in by SSH, with a key that is made for this and handed " +
        "over as a credential of systemd. The machine ends with the session. The image needs openssh-server and a " +
        "network by DHCP.",
    )
    .argument("<output>", "disk, or the compose's folder")
    .argument("[command...]", "what to run there (default: a shell)")
    .option("-u, --user <name>", "who logs in", "root")
    .addOption(
      new Option("--timeout <time>", "how long to wait for the machine: seconds, or 5m, 1h (default: 15m)").argParser(
        parseTimeout,
      ),
    )
    .passThroughOptions()
    .addHelpText("after", OUTPUT_HELP)
    .action(async (output: string, command: string[], options: ComposeSshOptions) =>
      finish(await (await import("./compose-machine-commands.ts")).sshOutput(output, ownCommand(command), options)),
    );
  const shell = new Command("shell")
    .summary("a root shell in what was made")
    .description(
      "Runs a root shell, or a command, in a copy of what was made, without starting a machine: in namespaces " +
        "where this host runs its programs, for riscv64 within Stratos. Changes are gone afterwards.",
    )
    .argument(
      "<output>",
      "folder, archive, OCI layout (oci:FOLDER[:TAG]), commit (ostree:FOLDER:REF), file system or disk, or the " +
        "compose's folder",
    )
    .argument("[command...]", "what to run there (default: a shell)")
    .addOption(new Option("--arch <arch>", "architecture, as Debian names it (default: what the output says)"))
    .passThroughOptions()
    .action(async (output: string, command: string[], options: ComposeShellOptions) =>
      finish(await (await import("./compose-shell-command.ts")).shellInOutput(output, ownCommand(command), options)),
    );
  return [boot, ssh, shell];
}

/** `--` between output and command is as usual, and passed on as it stands. */
function ownCommand(words: readonly string[]): readonly string[] {
  return words[0] === "--" ? words.slice(1) : words;
}

function machineOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--arch <arch>", "architecture (default: what the compose says, or this host's)").choices([
        "amd64",
        "arm64",
        "riscv64",
      ]),
    )
    .addOption(new Option("--memory <size>", "memory of the machine (default: 2G)").argParser(parseMemory))
    .addOption(new Option("--processors <n>", "processors of the machine (default: 2)").argParser(parseProcessors))
    .addOption(
      new Option("--firmware <kind>", "what starts it (default: uefi; of riscv64 U-Boot)").choices(["uefi", "bios"]),
    )
    .option("--keep", "what the machine writes stays in the image, which is then no longer what the compose has made")
    .option("--kvm", "with hardware help (default: where the host has it)")
    .option("--no-kvm", "without");
}

function parseForward(text: string): { host: number; guest: number } {
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text),
    [host, guest] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || host < 1 || host > 65535 || guest < 1 || guest > 65535)
    throw new InvalidArgumentError("expected two ports, such as 8080:80");
  return { host, guest };
}

function parseProcessors(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError("expected a number from 1 to 999");
  return Number(text);
}
