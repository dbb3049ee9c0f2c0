/** The options of `stratos explore`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { FAULT_KINDS as ALL_KINDS, type FaultKind } from "@stratos/session/faults";
import { parseTimeout } from "../option-values.ts";
import { ProgramCommand } from "../program-command.ts";
import type { ExploreCommandOptions } from "./explore-command.ts";
import { addMachineOptions, seedOption } from "./run-options.ts";
import { type Finish, jsonOption } from "./row-options.ts";

/** A power cut needs somebody who looks at what is left: --power-cut. */
const FAULT_KINDS = ALL_KINDS.filter((kind) => kind !== "power");

/** What every program must get over. */
const DEFAULT_FAULTS: readonly FaultKind[] = ["short", "eintr"];
const ATTEMPTS_MAX = 1_000_000;

export function exploreCommand(finish: Finish): Command {
  const command = new ProgramCommand("explore")
    .summary("find a schedule or a fault under which a program fails")
    .description(
      "Runs a program undisturbed, and then many times under other schedules and with faults that Linux permits: " +
        "short reads and writes, interrupted calls, full disks, lost connections, late and doubled packets, cut " +
        "networks, set clocks, power cuts. When it fails, says what the least is that makes it fail. All follows " +
        "from the seed: the same command finds the same.",
    )
    .usage("[OPTIONS] [--] CMD [ARG…]")
    .argument("<cmd>", "program, looked up in the guest's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions();
  return addMachineOptions(command)
    .addOption(seedOption().default(0))
    .addOption(new Option("--attempts <n>", "runs until one fails").argParser(count(1, ATTEMPTS_MAX)).default(100))
    .addOption(
      new Option("--from <n>", "number of the first attempt: each does the same whenever it is made")
        .argParser(count(1, 2 ** 31))
        .default(1),
    )
    .addOption(
      new Option("--faults <list>", `faults, separated by commas: ${FAULT_KINDS.join(", ")}; all; none`)
        .argParser(parseFaults)
        .default(DEFAULT_FAULTS, DEFAULT_FAULTS.join(",")),
    )
    .option(
      "--power-cut <check>",
      "let the power fail, too; then this shell line looks at the files that are left, with what the program had " +
        "printed as its standard input, and must end with status 0",
    )
    .option("--no-schedules", "do not hold tasks up: faults alone")
    .addOption(
      new Option(
        "--expect <list>",
        "statuses with which the program may end (default: that of the undisturbed run)",
      ).argParser(parseStatuses),
    )
    .addOption(
      new Option("--compare <what>", "output: what it prints must be the same, too")
        .choices(["status", "output"])
        .default("status"),
    )
    .addOption(
      new Option("--timeout <time>", "longest that a run may take (seconds, or 5m, 1h); what takes longer fails")
        .argParser(parseTimeout)
        .default(60_000, "60"),
    )
    .addOption(
      new Option("--narrow <n>", "most runs to narrow what was found").argParser(count(0, 100_000)).default(200),
    )
    .addOption(new Option("--record <file>", "write the failing run there, for `stratos replay`"))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nThe program gets what is on standard input (not a terminal's), and -v folders read-only " +
        "(HOST:GUEST:ro). Where it met\nenospc, full, eio, enomem, loss, reset or partition it may end with " +
        "another status below 128: it says that\nit failed.\n\n" +
        "Exit status: 0 when no attempt failed; 1 when one did; 125 when Stratos itself fails, " +
        "or the undisturbed run\ndoes not end; 126, 127 and 2 as those of `run`. A guide: docs/explore.md.",
    )
    .action(async (word: string, args: string[], options: ExploreCommandOptions) => {
      const { runExplore } = await import("./explore-command.ts");
      finish(await runExplore([word, ...args], { ...options, net: "none", publish: [] }));
    });
}

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`expected a number from ${least} to ${most}`);
    return value;
  };
}

function parseFaults(text: string): readonly FaultKind[] {
  if (text === "none") return [];
  if (text === "all") return FAULT_KINDS;
  const words = new Set(text.split(","));
  const known = FAULT_KINDS.filter((kind) => words.has(kind));
  if (known.length !== words.size)
    throw new InvalidArgumentError(`expected all, none or a list of ${FAULT_KINDS.join(", ")}`);
  return known;
}

function parseStatuses(text: string): readonly number[] {
  const words = text.split(",");
  if (!words.every((word) => /^\d{1,3}$/.test(word) && Number(word) <= 255))
    throw new InvalidArgumentError("expected statuses from 0 to 255, separated by commas");
  return words.map(Number);
}
