import { Command } from "commander";
import type { LispOptions } from "../commands/lisp-command.ts";
import type { Finish } from "./fs-rows.ts";

export function lispCommand(finish: Finish): Command {
  const repeat = (value: string, all: readonly string[]): readonly string[] => [...all, value];
  return new Command("lisp")
    .summary("run a Scheme program, or talk to AstraLisp")
    .description(
      "Runs a program in Scheme (R7RS-small and more), with its arguments as (command-line). Without a file and " +
        "without -e: a prompt on the terminal; forms that come through a pipe are evaluated one after the other.",
    )
    .usage("[OPTIONS] [FILE [ARG…]]")
    .argument("[file]", "the program; a file that is named like a verb: ./test")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option("-e, --eval <expr>", "evaluate this first (repeatable); nothing is printed but what it prints", repeat, [])
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable): (a b) is a/b.sld", repeat, [])
    .option(
      "--engine <name>",
      "what runs it: wasm (compiled to WebAssembly; programs by default), or interpreter (the prompt's)",
    )
    .addHelpText(
      "after",
      "\nExit status: what the program says by (exit); 1 after an error that nobody handled; 2 for a mistaken " +
        "command line.",
    )
    .action(async (file: string | undefined, args: string[], options: LispOptions) =>
      finish(await (await import("../commands/lisp-command.ts")).runLisp(file, args, options)),
    );
}
