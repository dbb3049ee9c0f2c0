/** What completes the words of each command: its options, their values, and its arguments by their place. */
import type { Argument, Command, Option } from "commander";
import { allCommands, optionValueName, shownOptions } from "./command-tree.ts";

/** What completes a value: words, or names or files of the host; `copy`: a file, or a system's name before a colon. */
export type ValueKind = "image" | "system" | "file" | "folder" | "copy" | "none" | readonly string[];

interface CompletionOption {
  /** `-i`, `--image`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Of the value; null where there is none. */
  readonly value: ValueKind | null;
}

export interface CompletionPlace {
  /** `image rm`; the program itself is empty. */
  readonly path: string;
  /** Other names of the same command. */
  readonly aliases: readonly string[];
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletionOption[];
  /** By place; `isVariadic`: the last stands for all that follow. */
  readonly arguments: readonly ValueKind[];
  readonly isVariadic: boolean;
  /** Options behind the first argument are a program's own. */
  readonly hasProgram: boolean;
}

export function completionPlaces(program: Command): CompletionPlace[] {
  const places = allCommands(program).map(({ path, command }): CompletionPlace => {
    const words = path.join(" ");
    return {
      path: words,
      aliases: command.aliases().map((alias) => [...path.slice(0, -1), alias].join(" ")),
      commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
      options: shownOptions(command).map((option) => ({
        names: [option.short, option.long].filter((name) => typeof name === "string"),
        description: option.description,
        value: optionValueName(option) === null ? null : optionKind(option),
      })),
      arguments: command.registeredArguments.map((argument) => argumentKind(program, words, argument)),
      isVariadic: command.registeredArguments.at(-1)?.variadic === true,
      hasProgram: (command as Command & { readonly _passThroughOptions?: boolean })._passThroughOptions === true,
    };
  });
  const help = { aliases: [], commands: [], options: [], isVariadic: false, hasProgram: false };
  places.push({ path: "help", arguments: [commandNames(program)], ...help });
  return places;
}

const commandNames = (program: Command): string[] => program.commands.map((command) => command.name());

function optionKind(option: Option): ValueKind {
  if (option.argChoices !== undefined) return option.argChoices;
  if (option.long === "--image") return "image";
  // A folder of the guest.
  if (option.long === "--workdir") return "none";
  switch (optionValueName(option)) {
    case "file":
    case "path":
    case "path[:offset]":
    case "host:guest[:ro]":
      return "file";
    case "dir":
    case "folder":
      return "folder";
    default:
      return option.long === "--root" ? "folder" : "none";
  }
}

/** Commands whose argument of that name is a file only here, or only elsewhere. */
const ARGUMENTS: Readonly<Record<string, ValueKind>> = {
  "image rm name": "image",
  "image export name": "image",
  "image web name": "image",
  "image warm-start name": "image",
  "image convert source": "image",
  "image push source": "image",
  "cache warm image": "image",
  "cp from": "copy",
  "cp to": "copy",
  "image convert target": "file",
  "image disk cp source": "file",
  "image disk cp target": "file",
  "image disk convert source": "file",
  "image disk convert target": "file",
  "fs mv from": "file",
  "fs mv to": "file",
  "compose diff before": "file",
  "compose diff after": "file",
};

function argumentKind(program: Command, path: string, argument: Argument): ValueKind {
  if (argument.argChoices !== undefined) return argument.argChoices;
  const name = argument.name();
  const own = ARGUMENTS[`${path} ${name}`];
  if (own !== undefined) return own;
  if (path === "man") return commandNames(program);
  switch (name) {
    case "name":
      return path.includes(" ") ? "none" : "system";
    case "source":
      return path.startsWith("builder ") || path === "hub build" ? "file" : "none";
    case "folder":
    case "dir":
      return "folder";
    case "file":
    case "volume":
    case "image":
    case "place":
    case "path":
    case "output":
    case "device":
    case "store":
    case "repository":
    case "recording":
    case "provenance":
    case "list":
    case "recipe":
      return "file";
    default:
      return "none";
  }
}
